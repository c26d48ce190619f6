//! One character of a text, made comparable: compatibility forms, accents, look-alikes and case folded away.

use unicode_normalization::char::decompose_compatible;

/// What a character is for matching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folded {
    /// Part of a word.
    Letter(char),
    /// Leaves no trace: an apostrophe, a combining mark, a zero-width character.
    Nothing,
    /// Ends a word.
    Break,
    /// Ends a word, and a sentence if white space follows.
    Stop,
    /// Ends a word and a sentence.
    Line,
}

/// Folds one ASCII byte.
pub const fn fold_ascii(byte: u8) -> Folded {
    match byte {
        b'a'..=b'z' | b'0'..=b'9' => Folded::Letter(byte as char),
        b'A'..=b'Z' => Folded::Letter(byte.to_ascii_lowercase() as char),
        b'\'' | b'`' | 0 => Folded::Nothing,
        b'.' | b'!' | b'?' => Folded::Stop,
        b'\n' | b'\r' => Folded::Line,
        _ => Folded::Break,
    }
}

/// Folds one character and hands every resulting piece to `emit`; most give one.
pub fn fold_char(raw: char, mut emit: impl FnMut(Folded)) {
    if raw.is_ascii() {
        return emit(fold_ascii(raw as u8));
    }
    if is_invisible(raw) {
        return emit(Folded::Nothing);
    }
    if let Some(letter) = enclosed_letter(raw) {
        return emit(Folded::Letter(letter));
    }
    match raw {
        '\u{2019}' | '\u{2018}' | '\u{02BC}' | '\u{00B4}' => emit(Folded::Nothing),
        '\u{2026}' => emit(Folded::Stop),
        '\u{2028}' | '\u{2029}' => emit(Folded::Line),
        _ => decompose_compatible(raw, |piece| emit(fold_piece(piece))),
    }
}

fn fold_piece(piece: char) -> Folded {
    if piece.is_ascii() {
        return fold_ascii(piece as u8);
    }
    if is_combining(piece) {
        return Folded::Nothing;
    }
    let plain = confusable(piece);
    if plain.is_ascii() {
        return Folded::Letter(plain);
    }
    if plain.is_alphanumeric() {
        let mut lower = plain.to_lowercase();
        return Folded::Letter(lower.next().unwrap_or(plain));
    }
    Folded::Break
}

/// Combining marks that a Latin letter may carry, and variation selectors.
pub const fn is_combining(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036F}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FE20}'..='\u{FE2F}')
}

const fn is_invisible(c: char) -> bool {
    is_combining(c)
        || matches!(c, '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{180E}' | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}'
            | '\u{1F3FB}'..='\u{1F3FF}')
}

/// Letters in circles and squares that have no compatibility form, and regional indicators.
fn enclosed_letter(c: char) -> Option<char> {
    let base = match c {
        '\u{1F130}'..='\u{1F149}' => 0x1F130,
        '\u{1F150}'..='\u{1F169}' => 0x1F150,
        '\u{1F170}'..='\u{1F189}' => 0x1F170,
        _ => return None,
    };
    char::from_u32(u32::from(b'a') + (c as u32 - base))
}

/// The Latin letter that a letter of another script passes for; other characters unchanged.
fn confusable(c: char) -> char {
    match c {
        'а' | 'А' | 'α' | 'Α' | 'ɑ' => 'a',
        'в' | 'В' | 'β' | 'Β' | 'ß' => 'b',
        'с' | 'С' | 'ϲ' | 'ⅽ' => 'c',
        'ԁ' => 'd',
        'е' | 'Е' | 'ε' | 'Ε' | 'є' | '℮' => 'e',
        'ɡ' => 'g',
        'н' | 'Н' | 'һ' | 'Η' => 'h',
        'і' | 'І' | 'ι' | 'Ι' | 'ı' | 'ӏ' | 'Ӏ' => 'i',
        'ј' | 'Ј' => 'j',
        'к' | 'К' | 'κ' | 'Κ' => 'k',
        'м' | 'М' | 'Μ' => 'm',
        'п' | 'Ν' => 'n',
        'о' | 'О' | 'ο' | 'Ο' | 'σ' | 'ø' | 'Ø' => 'o',
        'р' | 'Р' | 'ρ' | 'Ρ' => 'p',
        'ѕ' | 'Ѕ' => 's',
        'т' | 'Т' | 'τ' | 'Τ' => 't',
        'υ' | 'ц' => 'u',
        'ν' | 'ѵ' => 'v',
        'ѡ' | 'ω' | 'ш' => 'w',
        'х' | 'Х' | 'χ' | 'Χ' => 'x',
        'у' | 'У' | 'γ' | 'Υ' => 'y',
        'Ζ' => 'z',
        'ł' | 'Ł' => 'l',
        other => other,
    }
}

/// Words for the few emoji that stand for what a rule looks for.
pub const fn emoji_word(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{1F52B}' => "gun",
        '\u{1F52A}' | '\u{1F5E1}' => "knife",
        '\u{1F4A3}' => "bomb",
        '\u{1F595}' => "fuck you",
        '\u{1FA78}' => "blood",
        '\u{1F48A}' => "pills",
        '\u{26B0}' => "coffin",
        _ => return None,
    })
}

/// The letter that a digit or sign stands for in a word written to get past a filter; `*` and `#` mask one, as `_`.
pub const fn leet(c: char) -> Option<char> {
    Some(match c {
        '0' => 'o',
        '1' | '!' | '|' => 'i',
        '3' | '€' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' | '+' => 't',
        '8' => 'b',
        '9' => 'g',
        '*' | '#' => '_',
        _ => return None,
    })
}
