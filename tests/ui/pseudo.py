#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts every translation of a catalogue, from msgen --no-wrap, into brackets and makes it a third longer."""

import re
import sys

START = re.compile(r'^msgstr(\[\d\])? "(.*)"$')
WORD = 9
MORE = re.compile(r'^"(.*)"$')


def longer(text):
    """The text in brackets. A format of dates keeps its letters, which are not words."""
    if re.fullmatch(r"[MDdy. ]+", text):
        return text
    more = len(text) // 3 if len(text) > 2 else 0
    # In words, so that they break where words do.
    words = ["~" * min(WORD, more - at) for at in range(0, more, WORD)]
    return f"⟦{' '.join([text, *words])}⟧"


def main():
    index, words, header = None, None, True
    for line in [*sys.stdin.read().splitlines(), ""]:
        start, more = START.match(line), MORE.match(line)
        if words is not None and not more:
            # The header is the first entry, and no text.
            text = words if header else longer(words)
            print(f'msgstr{index or ""} "{text}"')
            words, header = None, False
        if start:
            index, words = start.groups()
        elif words is not None and more:
            words += more.group(1)
        else:
            print(line)


if __name__ == "__main__":
    main()
