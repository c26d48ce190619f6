//! Bytes as words, for files that people save and pages that servers send: neither always says how its letters are written.

use std::borrow::Cow;

use encoding_rs::{Encoding, MACINTOSH, UTF_8, WINDOWS_1252};

/// A file as a spreadsheet or an editor saved it: by its byte order mark, as UTF-8, else as its system wrote letters before.
///
/// # Errors
/// Where the first byte stands that fits no reading, or that contradicts the others.
pub fn file(bytes: &[u8]) -> Result<Cow<'_, str>, usize> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let rest = &bytes[mark..];
        if encoding == UTF_8 {
            return std::str::from_utf8(rest).map(Cow::Borrowed).map_err(|error| mark + error.valid_up_to());
        }
        let (text, is_broken) = encoding.decode_without_bom_handling(rest);
        return if is_broken { Err(bytes.len()) } else { Ok(text) };
    }
    let Err(error) = std::str::from_utf8(bytes) else {
        return Ok(String::from_utf8_lossy(bytes));
    };
    // A file in two encodings would be read wrong in one of them.
    let is_mixed = bytes.utf8_chunks().any(|chunk| !chunk.valid().is_ascii());
    if is_mixed {
        return Err(error.valid_up_to());
    }
    // Lines that end as on an old Macintosh have letters as there.
    let is_mac = bytes.contains(&b'\r') && !bytes.contains(&b'\n');
    let encoding = if is_mac { MACINTOSH } else { WINDOWS_1252 };
    Ok(encoding.decode_without_bom_handling(bytes).0)
}

/// A page as a server sent it: by its mark, by what the header or the page names, else as UTF-8, with a sign for what fits nothing.
pub fn page<'b>(bytes: &'b [u8], content_type: &str) -> Cow<'b, str> {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]).to_lowercase();
    let named = charset(&content_type.to_lowercase()).or_else(|| charset(&start));
    named.unwrap_or(UTF_8).decode(bytes).0
}

fn charset(text: &str) -> Option<&'static Encoding> {
    let rest = text.split_once("charset=")?.1.trim_start_matches(['"', '\'']);
    let label = rest.split(|mark: char| !(mark.is_ascii_alphanumeric() || matches!(mark, '-' | '_'))).next()?;
    Encoding::for_label(label.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_its_system_wrote_it() {
        assert_eq!(file("José".as_bytes()).unwrap(), "José");
        assert_eq!(file(b"\xef\xbb\xbfJos\xc3\xa9").unwrap(), "José");
        assert_eq!(file(b"Jos\xe9 \x93x\x94").unwrap(), "José “x”");
        assert_eq!(file(b"slug\rJos\x8e").unwrap(), "slug\rJosé");
        assert_eq!(file(b"\xff\xfeJ\0\xe9\0").unwrap(), "Jé");
        assert_eq!(file(b"\xfe\xff\0J\0\xe9").unwrap(), "Jé");
    }

    #[test]
    fn what_contradicts_itself_is_refused_where_it_does() {
        assert_eq!(
            file("José, Jos".as_bytes().iter().chain(b"\xe9").copied().collect::<Vec<u8>>().as_slice()),
            Err(10)
        );
        assert_eq!(file(b"\xff\xfeJ\0\xe9"), Err(5));
        assert_eq!(file(b"\xef\xbb\xbfJos\xe9"), Err(6));
    }

    #[test]
    fn a_page_names_its_letters_in_its_header_or_itself() {
        assert_eq!(page(b"Jos\xe9", "text/html; charset=ISO-8859-1"), "José");
        assert_eq!(page(b"<meta charset=\"windows-1252\">Jos\xe9", "text/html"), "<meta charset=\"windows-1252\">José");
        assert_eq!(page("José".as_bytes(), "text/html"), "José");
        assert_eq!(page(b"Jos\xe9", ""), "Jos\u{fffd}");
    }
}
