//! The words of the corpus: common ones in their order, and what rare ones are made of.

pub const ENGLISH: &str = "the to and a of in is for my you we it our are so on this have with all be not that they at your
 kids will school was do if can from just thank great what when there love up day out who get please how no their has go
 she he more one time but as would need know today year about students been good see know an by team proud new parents
 like class game make teachers why her his want or them me after too help day work really best should coach had bus come
 night week still open back every lunch home high these happy did let next never only year same many district people first
 always two going last child year community family thanks awesome congratulations amazing son daughter over any way before
 into well than since right where because down tomorrow morning field practice grade music band choir library reading math
 science project homework teacher principal office staff gym season win played weekend friday monday parking traffic late
 early release schedule calendar break spring winter summer fall picture retakes order form forms sign online website link
 phone call email message answer question meeting board vote budget money fund raise donate volunteer signup snack water
 weather heat rain cold windy smoke air safe safety drill crossing guard street corner light stop gate fence playground
 tree garden kitchen pizza salad fruit milk tray line seat driver route pickup drop dropoff minutes hour wait waiting again
 nobody everyone somebody anything something nothing maybe hope sorry wish glad nice cute sweet smart brave kind friendly
 welcome graduation seniors juniors freshmen theater play dance art show concert festival fair book carnival ticket tickets
 uniform shirt shoes jacket backpack laptop charger password account grades report card conference scholarship college
 career club robotics chess soccer football baseball softball volleyball basketball wrestling tennis track swim golf";

pub const SPANISH: &str = "de la que el en y a los del las por un para con no una su al lo como más pero sus le ya este muy
 gracias hijos escuela maestra niños hoy día mañana todos está mi hija felicidades cuándo dónde junta padres ayuda
 información comida camión ruta tarde temprano clase juego equipo orgullo bendiciones excelente trabajo semana lunes viernes
 vacaciones calendario reunión español inglés traducción teléfono llamar oficina directora biblioteca lectura tarea
 matemáticas música baile fiesta feria boletos uniforme zapatos mochila calor lluvia frío seguridad cruce calle puerta jardín
 árbol cocina leche agua fruta espera nadie alguien algo nada quizá ojalá bonito linda inteligente valiente amable bienvenidos
 graduación teatro arte concierto año niña corazón señora también aquí así después";

pub const SYLLABLES: &[&str] = &[
    "ba", "cor", "del", "fen", "gal", "hin", "jo", "kel", "lam", "mer", "nos", "pra", "quil", "ros", "sten", "tor",
    "ul", "ven", "wick", "yar", "zel", "bri", "cle", "dor", "el", "fra", "gre", "hal", "is", "kor", "lin", "mo", "nel",
    "os", "pen", "ra", "sil", "ta", "um", "vor",
];

pub const GIVEN: &[&str] = &[
    "Alma", "Beatriz", "Carmen", "Dana", "Elías", "Farrah", "Gwen", "Héctor", "Imani", "Joel", "Kiana", "Luz",
    "Marcus", "Noor", "Oscar", "Pat", "Quinn", "Rosa", "Sam", "Teresa", "Uma", "Vince", "Wendy", "Xavi", "Yara",
    "Zeke",
];

pub const FAMILY: &[&str] = &[
    "Abbot",
    "Barrera",
    "Castellan",
    "Dunmore",
    "Eastlake",
    "Fuentes",
    "Galindo",
    "Harrow",
    "Ibarra",
    "Jessup",
    "Kimball",
    "Lozano",
    "Merriweather",
    "Nakano",
    "Ortega",
    "Pruitt",
    "Quesada",
    "Reyes",
    "Santillan",
    "Tolliver",
    "Urbina",
    "Vance",
    "Whitfield",
    "Yandell",
    "Zamora",
];

/// Between two words: mostly nothing more.
pub const AFTER: &[&str] =
    &[" ", " ", " ", " ", " ", " ", " ", " ", " ", " ", " ", ", ", ", ", ". ", "! ", " ", " - ", "\\n"];

pub const EMOJI: &[&str] = &[" ❤️", " 😀", " 🎉", " 👏👏", " 🙏", " …", " ñ"];

/// What rules look for, now and then.
pub const NOTABLE: &[&str] = &[
    "call me at 760-555-0177 about this",
    "text 760.555.0189 for rides",
    "he lives at 4417 Saltwood Court",
    "i will bring a knife to school and stab him",
    "nobody would miss me, i want to die",
    "this is bullshit",
    "her dad hits her every night",
    "you are all worthless idiots",
    "vote yes on the bond measure",
    "your account is locked, confirm your password at once",
];
