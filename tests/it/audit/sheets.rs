//! Lists as spreadsheets and editors save them: read as they are meant, or refused with line and column.

use pagekeeper::audit::Line;

use super::*;

#[test]
fn a_table_for_spreadsheets_holds_no_formula() {
    let line = Line {
        account: "=1+1".into(),
        title: "@here".into(),
        platform: "facebook".into(),
        owner: "-2".into(),
        check: "name",
        clause: "III.2",
        asks: "Its name",
        verdict: "fails",
        words: "=HYPERLINK(\"http://x.example.net\")".into(),
        since: None,
        turn: "it",
        act: "Ask".into(),
        evidence: vec![3, 4],
        ticket: None,
    };
    let text = String::from_utf8(audit::csv(&[line]).unwrap()).unwrap();
    let cells = text.lines().nth(1).unwrap();
    assert_eq!(
        cells,
        "'=1+1,'@here,facebook,'-2,name,III.2,Its name,fails,\"'=HYPERLINK(\"\"http://x.example.net\"\")\",,it,Ask,3 4,"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_register_from_a_spreadsheet_is_read_or_refused_with_line_and_column() {
    let mut rig = Rig::with(World::bare(now()), Clock::manual(now()), &[PAGE]).await;
    rig.close();
    let file = rig.folder.path().join("register.csv");
    let import = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        let done = command(&rig.config, &["accounts", "import", file.to_str().unwrap()]).output().unwrap();
        (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
    };
    let (code, said) =
        import("\u{feff}slug;platform;handle;name;groups\r\nart-club;X;artclub;\"Art; club\";\"a;b\"\r\n".as_bytes());
    assert_eq!((code, said.contains("added: art-club")), (Some(0), true), "{said}");
    let known = row(&rig, "art-club");
    assert_eq!((known.platform.as_str(), known.name.as_str(), known.groups.as_str()), ("x", "Art; club", "a;b"));
    for (bytes, place) in [
        (&b"slug,platform,handle\na,x,one\na,x,two\n"[..], "line 3, column slug: a stands in line 2 too"),
        (b"slug,platform,native_id\na,x,12\nb,x,13\nc,x,12\n", "line 4, column native_id: 12 stands in line 2 too"),
        (b"slug,platform,handle\na,x,@One\nb,x,one\n", "line 3, column handle: one stands in line 2 too"),
        (b"slug,platform,handle,name\na,x,one,#REF!\n", "line 2, column name"),
        (b"slug,platform,handle,name\na,x,one,Jos\xc3\xa9\nb,x,two,Jos\xe9\n", "line 3, column name"),
        (b"slug,platform,handle,name\na,x,one,Art\0\n", "line 2, column name"),
        (b"slug,platform,handle\na,,one\n", "line 2, column platform"),
        (b"slug,platform,handle\na,x,\n", "line 2, columns native_id and handle"),
        (b"slug,platform,handle,status\na,x,one,open\n", "line 2, column status"),
        (b"slug,platform,handle\na,facebook,profile.php\n", "line 2, column handle"),
        (b"slug,handle\na,one\n", "no column `platform`"),
    ] {
        let (code, said) = import(bytes);
        assert_eq!((code, said.contains(place)), (Some(2), true), "{said}");
    }
    assert_eq!(rig.accounts().len(), 2, "a file that is refused changes nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_register_is_read_in_whatever_letters_and_lines_it_was_saved() {
    let mut rig = Rig::with(World::bare(now()), Clock::manual(now()), &[PAGE]).await;
    rig.close();
    let file = rig.folder.path().join("register.csv");
    let utf16 = |text: &str| -> Vec<u8> {
        [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
    };
    let files = [
        ("windows", b"slug;platform;handle;name\r\nwindows;x;one;Jos\xe9\r\n".to_vec()),
        ("mac", b"slug;platform;handle;name\rmac;x;two;Jos\x8e\r".to_vec()),
        ("unicode", utf16("slug\tplatform\thandle\tname\r\nunicode\tx\tthree\tJosé\r\n")),
    ];
    for (slug, bytes) in files {
        std::fs::write(&file, bytes).unwrap();
        let done = command(&rig.config, &["accounts", "import", file.to_str().unwrap()]).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(row(&rig, slug).name, "José");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_register_that_is_written_holds_no_formula_and_is_read_again_as_it_was() {
    let mut rig = Rig::with(World::bare(now()), Clock::manual(now()), &[PAGE]).await;
    rig.close();
    let file = rig.folder.path().join("register.csv");
    let import = || command(&rig.config, &["accounts", "import", file.to_str().unwrap()]).output().unwrap();
    std::fs::write(&file, "slug,platform,handle,name,purpose,fax\nart,x,@art,=1+1,\"-2\n and more\",+1 760\n").unwrap();
    assert!(import().status.success());
    let before = row(&rig, "art");
    assert_eq!(
        (before.name.as_str(), before.purpose.as_str(), before.handle.as_str()),
        ("=1+1", "-2 and more", "@art")
    );
    let written = command(&rig.config, &["accounts", "export"]).output().unwrap().stdout;
    let text = String::from_utf8(written.clone()).unwrap();
    for cell in ["'@art", "'=1+1", "'-2 and more", "'+1 760"] {
        assert!(text.contains(&format!(",{cell}")), "{text}");
    }
    std::fs::write(&file, written).unwrap();
    let again = import();
    assert!(String::from_utf8_lossy(&again.stderr).contains("0 rows added or changed, 0 refused"));
    assert_eq!(row(&rig, "art"), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_persons_profile_is_not_registered_and_a_page_with_such_an_address_is() {
    let mut rig = Rig::with(World::bare(now()), Clock::manual(now()), &[PAGE]).await;
    rig.close();
    let id = rig.sandbox.world().account(OCOTILLO).unwrap().id;
    let file = rig.folder.path().join("register.csv");
    let rows = format!(
        "slug,platform,handle\ncoach,facebook,https://www.facebook.com/profile.php?id={PERSON}\nocotillo,facebook,profile.php?id={id}\n"
    );
    std::fs::write(&file, rows).unwrap();
    let done = command(&rig.config, &["accounts", "import", file.to_str().unwrap()]).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(3), "{said}");
    assert!(said.contains(":2: column handle: 122100000000000010 is a person's profile and not a page"), "{said}");
    assert_eq!(rig.accounts().len(), 2);
    assert_eq!(row(&rig, "ocotillo").native_id, id);
}
