// SPDX-License-Identifier: GPL-3.0-or-later
#![expect(unsafe_code, reason = "gettext is a C interface of the C library")]
//! Translations by the C library's own gettext, from the same catalogue as the window's.
//!
//! ki18n needs Qt; the gettext crates bring a build script, regular expressions and their own guess at the locale, all
//! for five functions that every glibc and musl has.

use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_ulong};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const DOMAIN: &CStr = c"kedge";
/// Between context and message in a catalogue.
const SEPARATOR: char = '\u{4}';
/// `LC_ALL` of glibc and musl.
const LC_ALL: c_int = 6;

unsafe extern "C" {
    fn setlocale(category: c_int, locale: *const c_char) -> *mut c_char;
    fn bindtextdomain(domain: *const c_char, directory: *const c_char) -> *mut c_char;
    fn bind_textdomain_codeset(domain: *const c_char, codeset: *const c_char) -> *mut c_char;
    fn dgettext(domain: *const c_char, message: *const c_char) -> *mut c_char;
    fn dngettext(
        domain: *const c_char,
        one: *const c_char,
        many: *const c_char,
        number: c_ulong,
    ) -> *mut c_char;
}

/// Takes the locale from the environment and the catalogues from below `prefix`. To be called before any thread starts.
pub(crate) fn start(prefix: &Path) {
    let locale = prefix.join("share/locale");
    let Ok(directory) = CString::new(OsStr::as_bytes(locale.as_os_str())) else {
        return;
    };
    // SAFETY: all arguments are strings that end with zero and live through the calls, which copy them; no other thread
    // runs yet that could read the locale.
    unsafe {
        setlocale(LC_ALL, c"".as_ptr());
        bindtextdomain(DOMAIN.as_ptr(), directory.as_ptr());
        bind_textdomain_codeset(DOMAIN.as_ptr(), c"UTF-8".as_ptr());
    }
}

/// The translation of a message, or the message itself.
pub(crate) fn text(context: &str, message: &str) -> String {
    let Ok(key) = CString::new(format!("{context}{SEPARATOR}{message}")) else {
        return message.to_owned();
    };
    // SAFETY: both are strings that end with zero; the answer is the key itself or lives in the catalogue, which is
    // never closed.
    let answer = unsafe { CStr::from_ptr(dgettext(DOMAIN.as_ptr(), key.as_ptr())) };
    if answer == key.as_c_str() {
        return message.to_owned();
    }
    answer.to_string_lossy().into_owned()
}

/// A list of words that semicolons separate: the message's own and those of its translation.
pub(crate) fn both(context: &str, message: &str) -> String {
    format!("{message};{}", text(context, message))
}

/// The translation in the number that fits `count`, or the message itself by the English rule.
pub(crate) fn plural(context: &str, one: &str, many: &str, count: usize) -> String {
    let english = if count == 1 { one } else { many };
    let (Ok(key), Ok(other)) = (
        CString::new(format!("{context}{SEPARATOR}{one}")),
        CString::new(format!("{context}{SEPARATOR}{many}")),
    ) else {
        return english.to_owned();
    };
    let number = c_ulong::try_from(count).unwrap_or(c_ulong::MAX);
    // SAFETY: as above; the answer may also be `other`, which lives until the end of this function.
    let answer = unsafe { CStr::from_ptr(dngettext(DOMAIN.as_ptr(), key.as_ptr(), other.as_ptr(), number)) };
    if answer == key.as_c_str() || answer == other.as_c_str() {
        return english.to_owned();
    }
    answer.to_string_lossy().into_owned()
}
