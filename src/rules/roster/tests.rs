use super::*;
use crate::config::Roster as Columns;
use crate::model::Kind;

const HEADER: &str = "student.lastName,student.firstName,student.nickname,student.photoRelease\n";

fn columns() -> Columns {
    Columns {
        nickname: Some("student.nickname".into()),
        release: Some("student.photoRelease".into()),
        ..Columns::default()
    }
}

/// A roster of rows *last,first,nickname,release*.
fn roster(rows: &str) -> Roster {
    let sheet = read(format!("{HEADER}{rows}").as_bytes(), &columns()).unwrap();
    assert_eq!(sheet.bad, []);
    let key = Keyed::new(b"a key of a test");
    let names = hashed(&sheet.students, &key);
    Roster::new(key, names)
}

fn post(text: &str) -> Subject<'_> {
    Subject {
        text,
        parts: &[],
        links: &[],
        role: Role::District,
        platform: "facebook",
        kind: Kind::Post,
        has_media: true,
        every_role: false,
    }
}

/// The words that are flagged.
fn flagged<'t>(roster: &Roster, text: &'t str) -> Vec<&'t str> {
    let spans = roster.look(&post(text)).map_or_else(Vec::new, |hit| hit.spans);
    spans.iter().map(|span| &text[span.start..span.end]).collect()
}

#[test]
fn a_withheld_name_is_found_however_it_is_written() {
    let roster = roster(
        "Quintanilla Barros,Xóchitl,Xochi,N\nde la Vega Ríos,José Tomás,,N\nde los Ángeles y del Río,Ana Inés,,N\nO'Dowd-Ferris,Niamh,,\nFenwick Jr.,Theo E.,,N\n",
    );
    for (text, words) in [
        ("Congrats, Xóchitl Quintanilla Barros!", "Xóchitl Quintanilla Barros"),
        ("congrats Xochitl Quintanilla, our winner", "Xochitl Quintanilla"),
        ("¡Felicidades a XÓCHITL QUINTANILLA-BARROS!", "XÓCHITL QUINTANILLA-BARROS"),
        ("Xochi Quintanilla’s goal", "Xochi Quintanilla’s"),
        ("it was XOCHI QUINTANILLA'S GOAL", "XOCHI QUINTANILLA'S"),
        ("what a goal #xochitlquintanilla", "xochitlquintanilla"),
        ("what a goal #XochiQuintanilla2027", "XochiQuintanilla2027"),
        ("what a goal @xochi.quintanilla", "xochi.quintanilla"),
        ("what a goal #xochi_quintanilla_barros", "xochi_quintanilla_barros"),
        ("Coach Xo\u{301}chitl  Quintanilla", "Xo\u{301}chitl  Quintanilla"),
        ("“Xochi” Quintanilla", "Xochi” Quintanilla"),
        ("Aquí está José Tomás de la Vega Ríos.", "José Tomás de la Vega Ríos"),
        ("Aquí está Jose de la Vega", "Jose de la Vega"),
        ("JOSÉ TOMÁS DE LA VEGA", "JOSÉ TOMÁS DE LA VEGA"),
        ("Ana Inés de los Ángeles y del Río, 3rd grade", "Ana Inés de los Ángeles y del Río"),
        ("Niamh O’Dowd Ferris and her dog", "Niamh O’Dowd Ferris"),
        ("Niamh ODowd and her dog", "Niamh ODowd"),
        ("Theo Fenwick Jr. and Theo's dog", "Theo Fenwick"),
        ("Theo E. Fenwick and his dog", "Theo E. Fenwick"),
        ("Theo Q. Fenwick and his dog", "Theo Q. Fenwick"),
    ] {
        assert_eq!(flagged(&roster, text), [words], "{text}");
    }
    let both = "Xochi Quintanilla, Theo Fenwick and Niamh O'Dowd-Ferris";
    assert_eq!(flagged(&roster, both), ["Xochi Quintanilla", "Theo Fenwick", "Niamh O'Dowd-Ferris"]);
}

#[test]
fn words_that_are_no_withheld_name_are_not_flagged() {
    let roster = roster("Quintanilla Barros,Xóchitl,Xochi,N\nHall,Grace,,N\nWest,Will,,N\nMarch,Ana,,N\n");
    for text in [
        "",
        "Xochi scored. Quintanilla did not play.",
        "Xochi,\nQuintanilla",
        "Xochi\nQuintanilla",
        "Xochi & Quintanilla",
        "Barros, Quintanilla, Xochi",
        "we will west their grace hall",
        "They met in Grace, Hall and all",
        "Xochitl Barros",
        "#xochi #quintanilla",
        "xochi@quintanilla.example.org",
        "Quintanillas Xochi's",
        "Ana. March is here",
        "Xochi 1 Quintanilla",
    ] {
        assert_eq!(flagged(&roster, text), Vec::<&str>::new(), "{text}");
    }
}

#[test]
fn a_released_name_is_not_flagged_and_the_fullest_reading_counts() {
    let known = roster("Quintanilla Barros,Xochitl,,Yes\nQuintanilla,Xochitl,,N\nPruett,Ann,,y\nPruett Lowe,Ann,,N\n");
    assert_eq!(flagged(&known, "Xochitl Quintanilla Barros"), Vec::<&str>::new());
    assert_eq!(flagged(&known, "Xochitl Quintanilla"), ["Xochitl Quintanilla"]);
    assert_eq!(flagged(&known, "Ann Pruett"), Vec::<&str>::new(), "it is the whole name of one who is released");
    assert_eq!(flagged(&known, "Ann Pruett Lowe"), ["Ann Pruett Lowe"]);
    for rows in ["Pruett,Ann,,Y\nPruett,Ann,,N\n", "Pruett,Ann,,N\nPruett,Ann,,Y\n"] {
        assert_eq!(flagged(&roster(rows), "Ann Pruett"), ["Ann Pruett"], "of two of one name one is withheld");
    }
}

#[test]
fn only_the_districts_own_items_with_pictures_are_asked_about_and_their_parts_too() {
    let roster = roster("Quintanilla,Xochi,,N\n");
    let text = "Xochi Quintanilla";
    assert!(roster.look(&Subject { has_media: false, ..post(text) }).is_none());
    for role in [Role::Public, Role::Unknown] {
        let public = Subject { role, every_role: true, ..post(text) };
        assert!(roster.look(&public).is_none(), "a public comment is never looked at");
    }
    let parts = ["The gym".to_owned(), "A photo of Xochi Quintanilla".to_owned()];
    let hit = roster.look(&Subject { parts: &parts, ..post("Look") }).unwrap();
    assert_eq!(hit.spans, [Span { part: 2, start: 11, end: 28 }]);
    assert_eq!((hit.category, hit.severity), (Category::StudentImage, Severity::Medium));
    assert_eq!((hit.rule.id.as_str(), hit.clause.as_deref()), ("images.named-student", Some("III.6")));
}

#[test]
fn a_file_of_oneroster_is_read_by_its_own_names() {
    let file = "\u{feff}sourcedId,status,role,givenName,familyName,preferredFirstName,metadata.photoRelease\r\n\
        1,active,student,Xóchitl,Quintanilla,Xochi,yes\r\n2,active,teacher,Dana,Whitfield,,\r\n\
        3,tobedeleted,student,Theo,Fenwick,,no\r\n4,active,student,\"Ann, Lee\",Pruett,,no\r\n";
    let columns = Columns { release: Some("metadata.photoRelease".into()), ..Columns::default() };
    let sheet = read(file.as_bytes(), &columns).unwrap();
    assert_eq!((sheet.students.len(), sheet.others, sheet.bad.len()), (2, 2, 0));
    assert_eq!(sheet.students.iter().map(|student| student.released).collect::<Vec<_>>(), [true, false]);
    assert!(sheet.students[0].forms.iter().any(|form| form.name == "xochiquintanilla"));
}

#[test]
fn what_cannot_be_read_is_told_by_line_and_column_and_never_by_name() {
    let rows = "Quintanilla,Xochi,,Y\n,Nadie,,Y\nFenwick,\"  \",,N\nPruett,Ann,,N,more\nLowe,Ann\n\"Two\nlines\",Tom,,N\n9,Tom,,N\n";
    let sheet = read(format!("{HEADER}{rows}").as_bytes(), &columns()).unwrap();
    assert_eq!(sheet.students.len(), 2);
    let told: Vec<String> = sheet.bad.iter().map(ToString::to_string).collect();
    let expected = [
        "3: column \"student.lastName\" has no name",
        "4: column \"student.firstName\" has no name",
        "5: the row has 5 columns, the first line 4",
        "6: the row has 2 columns, the first line 4",
        "9: column \"student.lastName\" has no name",
    ];
    assert_eq!(told, expected);

    let refused = |file: &str, columns: &Columns| read(file.as_bytes(), columns).err().map(|bad| bad.to_string());
    let no_release = refused(HEADER, &Columns::default()).unwrap();
    assert!(no_release.contains("set [roster] release"), "{no_release}");
    let headless = refused("Quintanilla,Xochi,,Y\n", &columns()).unwrap();
    assert_eq!(headless, "1: there is no column \"student.nickname\": name it as [roster] nickname");
    assert!(refused("", &columns()).unwrap().starts_with("1: the file is empty"));
    let open = format!("{HEADER}Quintanilla,Xochi,,Y\nFenwick,Theo,,\"N\nPruett,Ann,,N\nLowe,Ann,,N\n");
    assert_eq!(refused(&open, &columns()).unwrap(), "3: a quotation mark is not closed here or behind");
}

#[test]
fn what_excel_writes_on_windows_is_read() {
    let file = [HEADER.as_bytes(), b"O\x92Dowd,Ni\xF1a,,N\n"].concat();
    let sheet = read(&file, &columns()).unwrap();
    assert_eq!(sheet.students[0].forms[0].name, "ninaodowd");
}

#[test]
fn a_file_is_read_in_whatever_lines_marks_and_letters_it_was_saved() {
    let plain = format!("{HEADER}Quintanilla,Xóchitl,,N\nde la Vega,José,,Y\n");
    let utf16 = |text: &str| -> Vec<u8> {
        [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
    };
    let names = |file: &[u8]| {
        let sheet = read(file, &columns()).unwrap();
        assert_eq!(sheet.bad, []);
        sheet.students.iter().map(|student| (student.forms[0].name.clone(), student.released)).collect::<Vec<_>>()
    };
    let wanted = names(plain.as_bytes());
    assert_eq!(wanted.len(), 2);
    for file in [
        plain.replace(',', ";").into_bytes(),
        plain.replace(',', "\t").replace('\n', "\r\n").into_bytes(),
        plain.replace('\n', "\r").into_bytes(),
        utf16(&plain.replace(',', "\t").replace('\n', "\r\n")),
        format!("\u{feff}{plain}").into_bytes(),
    ] {
        assert_eq!(names(&file), wanted, "{}", String::from_utf8_lossy(&file));
    }
    let broken = [utf16(&plain), vec![0xd8]].concat();
    assert_eq!(
        read(&broken, &columns()).err().map(|bad| bad.to_string()).as_deref(),
        Some("1: the file is UTF-16 and broken")
    );
    let bad = format!("{HEADER}Quintanilla,Xochi,,Y\r,Nadie,,Y\r").replace('\n', "\r");
    assert_eq!(read(bad.as_bytes(), &columns()).unwrap().bad[0].line, 3);
    let long = format!("{HEADER}{},Ann,,N\n", "x".repeat(10 << 20));
    assert_eq!(read(long.as_bytes(), &columns()).unwrap().students.len(), 1);
}

#[test]
fn another_key_and_another_release_are_another_roster_and_an_order_is_not() {
    let names = |rows: &str, key: &[u8]| {
        let sheet = read(format!("{HEADER}{rows}").as_bytes(), &columns()).unwrap();
        digest(&hashed(&sheet.students, &Keyed::new(key)))
    };
    let one = names("Pruett,Ann,,N\nLowe,Tom,,Y\n", b"one");
    assert_eq!(one, names("Lowe,Tom,,y\nPruett,Ann,,\n", b"one"));
    assert_ne!(one, names("Pruett,Ann,,N\nLowe,Tom,,Y\n", b"two"));
    assert_ne!(one, names("Pruett,Ann,,Y\nLowe,Tom,,Y\n", b"one"));
    assert_ne!(fingerprint(&Keyed::new(b"one")), fingerprint(&Keyed::new(b"two")));
}

proptest::proptest! {
    #[test]
    fn spans_lie_on_char_boundaries_and_nothing_panics(
        text in "(Xochi |xochi|Quintanilla|Barros|['’]s|#|@|_|[.] |-|de la |\\PC|[\u{0}-\u{7f}]|é|\u{301}|😀|\u{fb00}|İ){0,40}"
    ) {
        let roster = ROSTER.get_or_init(|| roster("Quintanilla Barros,Xóchitl,Xochi,N\n"));
        for words in flagged(roster, &text) {
            proptest::prop_assert!(!words.is_empty());
        }
    }
}

static ROSTER: std::sync::OnceLock<Roster> = std::sync::OnceLock::new();

#[test]
fn long_hostile_texts_stay_linear() {
    let roster = roster("Quintanilla,Xochi,,N\n");
    for unit in ["A ", "Xochi ", "#a_", "#", "de la ", "A.", "Ab-"] {
        let text = unit.repeat(65_536 / unit.len());
        let started = super::super::timing::worked();
        roster.look(&post(&text));
        let worked = super::super::timing::worked().saturating_sub(started);
        assert!(worked.as_secs() < 3, "{unit:?} took {worked:?}");
    }
}
