//! How a post is worded, as far as it keeps people out who hear it read aloud: capitals, tags, blind links, flyers.

use std::collections::{BTreeSet, HashSet};
use std::sync::LazyLock;

use regex::Regex;

use super::super::links;

/// Short for something, and read letter by letter or as a word of its own: no shouting.
const SHORT: &str = " FAFSA CADAA PTA PTO PTSA ASB DELAC ELAC LCAP AVID STEM STEAM NJROTC JROTC ROTC CIF SAT PSAT ACT CAASPP ELPAC \
    GATE SARC WASC UCSD CSUN DECA HOSA FBLA FFA NASA FEMA COVID LGBTQ UNICEF ESL IEP TUPE PBIS ICE USA USDA EBT ";

/// Every three words in a row.
pub fn runs(text: &str) -> HashSet<String> {
    let words: Vec<String> = text.split_whitespace().map(links::squashed).filter(|word| !word.is_empty()).collect();
    words.windows(3).map(|run| run.join(" ")).collect()
}

/// Proper names of the district's, which may be written as they are on a wall.
#[derive(Debug, Clone)]
pub struct Names {
    whole: Vec<String>,
    words: BTreeSet<String>,
}

impl Names {
    pub fn of<'n>(names: impl IntoIterator<Item = &'n str>) -> Names {
        let whole: BTreeSet<String> = names.into_iter().map(str::to_uppercase).filter(|name| name.len() > 3).collect();
        let mut whole: Vec<String> = whole.into_iter().collect();
        whole.sort_by_key(|name| std::cmp::Reverse(name.len()));
        let split = whole.iter().flat_map(|name| name.split(|mark: char| !mark.is_alphanumeric()));
        let words = split.map(str::to_lowercase).filter(|word| word.chars().count() > 2).collect();
        Names { whole, words }
    }

    /// These and more.
    pub fn and<'n>(&'n self, more: impl IntoIterator<Item = &'n str>) -> Names {
        Names::of(self.whole.iter().map(String::as_str).chain(more))
    }
}

/// A whole sentence of four words and more, or five words in a row, in capitals alone.
pub fn shouts(text: &str, names: &Names) -> bool {
    static CLOCK: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\b\d{1,2}(?::\d\d)?\s*[AP]\.?\s?M\b\.?").expect("a constant"));
    let text = CLOCK.replace_all(text, "0");
    is_loud(&text) && is_loud(&names.whole.iter().fold(text.into_owned(), |text, name| text.replace(name, "0")))
}

fn is_loud(text: &str) -> bool {
    let sentences = text.split(['!', '?', '¡', '¿', '\n', '.', ':']);
    sentences.map(loudness).any(|(whole, row)| whole || row >= 5)
}

/// Whether all of a sentence is in capitals, and how many loud words stand in a row in it.
fn loudness(sentence: &str) -> (bool, usize) {
    let (mut count, mut loud, mut long, mut row, mut longest, mut is_all) = (0, 0, 0, 0, 0, true);
    let is_name = |word: &&str| !word.starts_with(['#', '@']) && !word.contains('/');
    for word in sentence.split_whitespace().filter(is_name) {
        let letters: String = word.chars().filter(|letter| letter.is_alphabetic()).collect();
        if letters.is_empty() {
            continue;
        }
        count += 1;
        if letters.chars().any(char::is_lowercase) {
            (is_all, row) = (false, 0);
            continue;
        }
        if is_short(&letters) {
            continue;
        }
        let length = letters.chars().count();
        loud += 1;
        long += usize::from(length > 3);
        row += usize::from(length > 2);
        longest = longest.max(row);
    }
    (is_all && count >= 4 && loud >= 3 && long >= 2, longest)
}

/// An abbreviation: a known one, or letters that cannot be spoken as a word.
fn is_short(letters: &str) -> bool {
    let has_vowel = letters.contains(|letter: char| "AEIOUYÁÉÍÓÚÜ".contains(letter));
    !has_vowel || SHORT.contains(&format!(" {letters} "))
}

/// Words that tags are made of. One-letter words are left out: they fit into anything.
const OF_TAGS: &str = " go class of the and we are our my is in for to all day days week month night back first last spirit school \
    schools high middle elementary unified district student students teacher teachers staff family families parent parents \
    principal principals senior seniors junior juniors grad grads graduation team game games football soccer basketball baseball \
    softball volleyball swim track band choir dance art arts music theater library book books read reading math science stem \
    robotics proud pride strong best great good thank you thanks happy love kindness matters red ribbon attendance every \
    counts ready college career future success learn learning leaders community together better home nation strong year new \
    winter spring summer fall break picture open house meet national bus drivers appreciation counselors nurses lunch \
    feliz dia día de del la el los las escuela escuelas familia familias estudiantes maestros orgullo semana noche juntos somos \
    nuestra nuestro comunidad lectura gracias vamos arriba regreso clases graduacion graduación todos mes herencia hispana \
    orgullosos ";

/// Made of words of that list, and a word all the same.
const WHOLE: &str = " yearbook goodnight weekdays everyday dayschool homeschool newspaper bandstand ";

/// Longer than any one word in use.
const NO_WORD: usize = 16;

/// A tag of several words without capitals, or with nothing else, so that a voice cannot part them.
pub fn has_run_on_tag(text: &str, names: &Names) -> bool {
    tags(text).any(|tag| tag.split(|mark: char| !mark.is_alphabetic()).any(|part| runs_on(part, names)))
}

fn tags(text: &str) -> impl Iterator<Item = &str> {
    let ends = |mark: char| !(mark.is_alphanumeric() || mark == '_');
    text.split('#').skip(1).map(move |rest| rest.split(ends).next().unwrap_or_default())
}

fn runs_on(part: &str, names: &Names) -> bool {
    let is_flat = part.chars().skip(1).all(char::is_lowercase) || part.chars().all(char::is_uppercase);
    static WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| OF_TAGS.split_whitespace().collect());
    let (word, length) = (part.to_lowercase(), part.chars().count());
    let known = |word: &str| {
        WORDS.contains(word)
            || names.words.contains(word)
            || names.words.contains(&format!("{word}s"))
            || word.strip_suffix('s').is_some_and(|one| names.words.contains(one))
    };
    let is_one = known(&word) || WHOLE.contains(&format!(" {word} "));
    is_flat && length > 6 && !is_one && (length > NO_WORD || is_made_of(&word, &known))
}

/// Whether a word falls into known ones without a rest.
fn is_made_of(word: &str, known: &impl Fn(&str) -> bool) -> bool {
    let mut reached = vec![false; word.len() + 1];
    reached[0] = true;
    let ends: Vec<usize> = word.char_indices().map(|(at, _)| at).skip(1).chain([word.len()]).collect();
    for &end in &ends {
        let starts = std::iter::once(0).chain(ends.iter().copied().filter(|at| *at < end));
        reached[end] = starts.into_iter().any(|start| reached[start] && end - start > 1 && known(&word[start..end]));
    }
    reached[word.len()]
}

/// A link whose words do not say where it leads.
pub fn is_blind(text: &str) -> bool {
    static BLIND: LazyLock<Regex> = LazyLock::new(|| {
        let english = r"\b(?:click|tap|press)(?:ing)?\s+(?:right\s+)?here\b|\b(?:learn|read|find\s+out)\s+more\s*[:\-–—>👉]*\s*https?://";
        let spanish = r"\b(?:clic|click|presion[ae]|puls[ae]|oprim[ae]|toque|toca)\s+aqu[ií]\b|\bm[aá]s\s+informaci[oó]n\s*:?\s*https?://";
        Regex::new(&format!("(?i){english}|{spanish}")).expect("a constant")
    });
    BLIND.is_match(text)
}

/// Sends readers to a picture, and leaves out day or time.
pub fn points_to_a_picture(text: &str) -> bool {
    static FLYER: LazyLock<Regex> = LazyLock::new(|| {
        let flyer = r"(?:flyers?|fliers?|volantes?|folletos?)\b";
        // These have other senses: picture day, a poster contest.
        let picture = r"(?:posters?|images?|graphics?|infographics?|pictures?|photos?|im[aá]gen(?:es)?|cartel(?:es)?|foto)\s*(?:$|[.!?)\n]|below|above|attached|abajo|adjunt[ao]s?|for\s+(?:more|all|details|info|dates|times|the\s+(?:details|dates|times|schedule))|para\s+(?:m[aá]s|los\s+detalles|ver))";
        let english = r"\b(?:see|check(?:\s+out)?|read|view|refer\s+to|look\s+at|details\s+(?:are\s+)?(?:in|on)|info(?:rmation)?\s+(?:is\s+)?(?:in|on))\s+(?:(?:the|our|this|attached)\s+)*";
        let spanish = r"\b(?:vean?|ver|consulten?|miren?|revisen?|(?:detalles|informaci[oó]n)\s+(?:est[aá]n?\s+)?en)\s+(?:(?:el|la|nuestro|nuestra|este|esta)\s+)*";
        Regex::new(&format!("(?im)(?:{english}|{spanish})(?:{flyer}|{picture})|\\bflyer\\s+(?:attached|below)\\b"))
            .expect("a constant")
    });
    let leads_on = |end: usize| text[end..].chars().take(40).collect::<String>().contains("://");
    let points = FLYER.find(text).is_some_and(|found| !leads_on(found.end()));
    points && !(tells_day(text) && tells_time(text))
}

fn tells_day(text: &str) -> bool {
    static DAY: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)\b\d{1,2}/\d{1,2}\b|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+\d{1,2}\b|\b\d{1,2}(?:st|nd|rd|th)\b|\b\d{1,2}\s+de\s+[a-z]{4,}|\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b(?:lunes|martes|mi[eé]rcoles|jueves|viernes|s[aá]bado|domingo)\b|\b(?:today|tonight|tomorrow|hoy|ma[nñ]ana)\b").expect("a constant")
    });
    DAY.is_match(text)
}

fn tells_time(text: &str) -> bool {
    static TIME: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)\b\d{1,2}(?::\d\d)?\s*[ap]\.?\s?m\b|\b\d{1,2}:\d\d\b|\b(?:noon|midnight|mediod[ií]a|all\s+day)\b|\ba\s+las\s+\d").expect("a constant")
    });
    TIME.is_match(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::of([
            "Mesa Vista Unified School District",
            "Mesa Vista High School",
            "Ocotillo Elementary",
            "Condor Athletics",
            "Familias de Mesa Vista",
        ])
    }

    /// What each post is to be found to be: C capitals, T tags, H click here, F flyer.
    const POSTS: &[(&str, &str)] = &[
        ("", "Picture day is Friday at 9 a.m. in the library. #CondorPride"),
        ("", "MESA VISTA UNIFIED SCHOOL DISTRICT: Board meeting tonight at 6 p.m. in the board room."),
        ("", "FAFSA and CADAA night: Wednesday, 6-8 p.m., in the library. Bring your SSN card or ITIN."),
        ("", "The PTA, ASB, DELAC, ELAC and SSC meet this week. #PTA #FAFSA #ASB"),
        ("", "GAME DAY! See you at 7 p.m. at the stadium. #Condors"),
        ("", "MVHS NJROTC and AVID: congratulations! #congratulations #kindergarten #homecoming #volleyball"),
        ("", "GO CONDORS!"),
        ("", "SAVE THE DATE: Open house is on Nov 3 at 5:30 p.m."),
        (
            "",
            "Ocotillo reads! Come hear Ms. Whitfield read the picture book she wrote, Tuesday at 10 a.m. #ReadAcrossAmerica",
        ),
        ("", "View our poster contest winners in the front office. Congratulations to all artists!"),
        ("", "Check the picture day schedule on our site and bring your order form."),
        ("", "Winter concert, Friday, Dec 12 at 6 p.m. in the gym. See the flyer for details."),
        ("", "Register for summer school: https://mesavista.example.org/summer #ClassOf2027 #GoCondors"),
        (
            "",
            "Menu flyer: https://mesavista.example.org/menu.pdf. See the flyer at https://mesavista.example.org/menu.pdf",
        ),
        ("", "¡Felicidades a la clase de 2027! #felicitaciones #DíaDeLaFamilia #orgullo"),
        ("", "Reunión de DELAC el martes a las 6 en la biblioteca. Habrá cuidado de niños."),
        ("", "El concierto es el viernes 12 de diciembre a las 6. Vea el volante para más detalles."),
        ("", "AP exams start Monday: AP CSA, AP US Gov, AP Lang. Bring ID. #APExams #mvhs #stem"),
        ("", "MESA VISTA HIGH SCHOOL\nOCOTILLO ELEMENTARY\nNo school on Monday."),
        ("", "Ms. Ruiz's class grew 12 lbs of chard. Yum! #SchoolGarden #garden"),
        ("", "Our yearbook is here. #yearbook"),
        ("", "A photo of the new gym. It opens in 2027. #mesa"),
        ("C", "NO SCHOOL ON MONDAY"),
        ("C", "WE BEAT PALO VERDE FOURTEEN TO SEVEN TONIGHT"),
        ("C", "Parents, PLEASE READ THE NEW PICKUP RULES before Monday."),
        ("C", "NO HABRÁ CLASES EL LUNES. Regresamos el martes."),
        ("C", "THE OFFICE OPENS AT 9 A.M. ON MONDAY MORNING"),
        ("T", "Great win tonight! #gocondors"),
        ("T", "Seniors! #classof2027"),
        ("T", "So proud. #mesavistaproud"),
        ("T", "Robotics day #MESAVISTAROBOTICS"),
        ("T", "Gracias a todos. #orgullocondor #somosfamilia"),
        ("T", "#Thankyouteachers"),
        ("T", "Tag without a space:#gocondors"),
        ("H", "Sign up for the book fair: click here https://mesavista.example.org/fair"),
        ("H", "Para inscribirse, haz clic aquí: https://mesavista.example.org/inscripcion"),
        ("H", "Haga click aqui para ver el calendario."),
        ("H", "Learn more: https://mesavista.example.org/x"),
        ("F", "Winter concert! See the flyer for details."),
        ("F", "Spring carnival is coming! Check out the flyer below."),
        ("F", "Family literacy night on Thursday. All the info is on the flyer!"),
        ("F", "Noche de ciencias. Más información en el volante."),
        ("F", "New bell schedule (see image)."),
        ("F", "Carnaval de primavera: vea la imagen para más detalles"),
        ("CT", "COME ONE COME ALL TO THE BIG GAME #gocondors"),
    ];

    #[test]
    fn posts_of_a_district_are_found_to_be_what_they_are() {
        let names = names();
        let mut wrong = Vec::new();
        for (wanted, text) in POSTS {
            let found = [
                ("C", shouts(text, &names)),
                ("T", has_run_on_tag(text, &names)),
                ("H", is_blind(text)),
                ("F", points_to_a_picture(text)),
            ];
            let found: String = found.into_iter().filter(|(_, is)| *is).map(|(letter, _)| letter).collect();
            if found != *wanted {
                wrong.push(format!("{text:?} is {found:?} and not {wanted:?}"));
            }
        }
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
        assert!(POSTS.len() >= 40);
    }

    #[test]
    fn what_is_no_post_is_read_all_the_same() {
        for text in ["", "#", "##", "# #_#", "ÀÉÎ ÕÜ", "\u{0}#\u{fe0f}é", "#ßßßßßßßßßßßßßßßßßß", &"A".repeat(100_000)]
        {
            let _read =
                (shouts(text, &names()), has_run_on_tag(text, &names()), is_blind(text), points_to_a_picture(text));
        }
        assert!(has_run_on_tag(&format!("#{}", "go".repeat(5_000)), &names()));
    }
}
