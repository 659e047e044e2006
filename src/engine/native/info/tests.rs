// SPDX-License-Identifier: GPL-3.0-or-later
use super::*;
use proptest::prelude::*;

/// Written by snapper 0.10.6 (description `Öl <&> "'`, userdata `a=1,b=ü`).
const BY_SNAPPER: &str = include_str!("../../../../tests/fixtures/snapper/info.xml");

fn info() -> Info {
    Info {
        id: SnapshotId(42),
        books: Books {
            kind: SnapshotKind::Post,
            pre: Some(SnapshotId(41)),
            time: Timestamp(1_772_349_309_000_000),
            uid: 1000,
            description: "after codec install".into(),
            cleanup: Cleanup("number".into()),
            userdata: BTreeMap::from([("important".into(), "yes".into())]),
        },
        unknown: Vec::new(),
    }
}

const XML: &str = r#"<?xml version="1.0"?>
<snapshot>
  <type>post</type>
  <num>42</num>
  <date>2026-03-01 07:15:09</date>
  <uid>1000</uid>
  <pre_num>41</pre_num>
  <description>after codec install</description>
  <cleanup>number</cleanup>
  <userdata>
    <key>important</key>
    <value>yes</value>
  </userdata>
</snapshot>
"#;

#[test]
fn the_documented_file_is_read_and_written() {
    assert_eq!(Info::parse(XML.as_bytes()), Ok(info()));
    assert_eq!(info().to_xml(), XML);
}

#[test]
fn a_file_by_snapper_comes_back_byte_by_byte() {
    let info = Info::parse(BY_SNAPPER.as_bytes()).unwrap();
    assert_eq!(info.books.description, "Öl <&> \"'");
    assert_eq!(
        info.books.userdata,
        BTreeMap::from([("a".into(), "1".into()), ("b".into(), "ü".into())])
    );
    assert_eq!(info.to_xml(), BY_SNAPPER);
}

#[test]
fn elements_of_a_newer_snapper_are_kept() {
    let raw = "<plugin a=\"&lt;\"><deep>&#xE9;</deep></plugin>";
    let xml = XML.replace("</snapshot>", &format!("  {raw}\n  <flag/>\n</snapshot>"));
    let parsed = Info::parse(xml.as_bytes()).unwrap();
    assert_eq!(parsed.unknown, [raw, "<flag/>"]);
    assert_eq!(parsed.books, info().books);
    assert_eq!(parsed.to_xml(), xml);
}

#[test]
fn leniencies_are_those_of_snapper() {
    let xml = "<!-- x --><snapshot><num> 7 </num><num>8</num><date>2026-03-01 07:15:09</date>\
        <type>single</type><description><![CDATA[<b>]]>&amp;&#x41;</description><cleanup/>\
        <userdata><value>v</value><key>k</key></userdata><userdata><key/><value>x</value></userdata></snapshot>";
    let parsed = Info::parse(xml.as_bytes()).unwrap();
    assert_eq!(parsed.id, SnapshotId(7));
    assert_eq!(parsed.books.description, "<b>&A");
    assert_eq!(parsed.books.userdata, BTreeMap::from([("k".into(), "v".into())]));
}

#[test]
fn what_snapper_would_not_load_is_refused() {
    let cases = [
        ("", ""),
        ("<type>post</type>", ""),
        ("<type>post</type>", "<type>other</type>"),
        ("<num>42</num>", ""),
        ("<num>42</num>", "<num>0</num>"),
        ("<num>42</num>", "<num>-1</num>"),
        ("<num>42</num>", "<num>4294967296</num>"),
        ("<date>2026-03-01 07:15:09</date>", "<date>yesterday</date>"),
        ("<uid>1000</uid>", "<uid>root</uid>"),
        ("</snapshot>", ""),
        ("</snapshot>", "</snapshot><snapshot/>"),
        ("</snapshot>", "</snapshot>text"),
        ("codec", "&codec;"),
        ("codec", "&#0;"),
        ("codec", "&#xD800;"),
        ("codec", "\u{1}"),
        ("codec", "<b>codec</b>"),
        ("</description>", "</cleanup>"),
        (
            "<?xml version=\"1.0\"?>",
            "<?xml version=\"1.0\" encoding=\"utf-16\"?>",
        ),
        (
            "<snapshot>",
            "<!DOCTYPE snapshot [<!ENTITY a \"aaaaaaaa\">]><snapshot>",
        ),
    ];
    for (from, to) in cases {
        let xml = if from.is_empty() {
            String::new()
        } else {
            XML.replace(from, to)
        };
        assert!(Info::parse(xml.as_bytes()).is_err(), "{xml}");
    }
    assert_eq!(
        Info::parse(b"<snapshot>\xff</snapshot>"),
        Err(InfoError::Encoding)
    );
    assert_eq!(Info::parse(&vec![b' '; LIMIT + 1]), Err(InfoError::TooLarge));
    let deep = format!("<snapshot>{}", "<a>".repeat((LIMIT - 10) / 3));
    assert!(Info::parse(deep.as_bytes()).is_err());
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        any::<char>().prop_filter("a character that XML has", |c| is_legal(*c)),
        0..24,
    )
    .prop_map(|characters| characters.into_iter().collect())
}

fn any_info() -> impl Strategy<Value = Info> {
    let kind = prop_oneof![
        Just(SnapshotKind::Single),
        Just(SnapshotKind::Pre),
        Just(SnapshotKind::Post)
    ];
    let userdata = proptest::collection::btree_map(text(), text(), 0..4);
    (
        kind,
        1_u32..,
        0..253_402_300_800_u64,
        any::<u32>(),
        text(),
        text(),
        userdata,
    )
        .prop_map(
            |(kind, number, seconds, uid, description, cleanup, mut userdata)| {
                userdata.remove("");
                Info {
                    id: SnapshotId(number),
                    books: Books {
                        kind,
                        pre: (kind == SnapshotKind::Post).then_some(SnapshotId(number)),
                        time: Timestamp(seconds * 1_000_000),
                        uid,
                        description,
                        cleanup: Cleanup(cleanup),
                        userdata,
                    },
                    unknown: Vec::new(),
                }
            },
        )
}

proptest! {
    #[test]
    fn what_is_written_comes_back(info in any_info()) {
        prop_assert_eq!(Info::parse(info.to_xml().as_bytes()), Ok(info));
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = Info::parse(&bytes);
    }

    #[test]
    fn a_damaged_file_is_survived_and_what_is_read_is_stable(
        info in any_info(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(),
    ) {
        let mut bytes = info.to_xml().into_bytes();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        if let Ok(first) = Info::parse(&bytes) {
            prop_assert_eq!(Info::parse(first.to_xml().as_bytes()), Ok(first));
        }
    }
}
