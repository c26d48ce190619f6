//! The checks that are the owner's to mend, in Spanish: what is asked, and what to click. Names of settings are the platforms' own
//! Spanish ones.

/// Check, what it asks, what to do.
const TABLE: &[(&str, &str, &str)] = &[
    (
        "page_kind",
        "Una página de una organización, no un perfil personal",
        "Cree una página (Menú › Páginas › Crear nueva página), avise a quienes siguen el perfil y deje de usar el perfil",
    ),
    (
        "approved_admins",
        "Solo personas aprobadas la administran",
        "Configuración de la página › Acceso a la página: quite a quienes no estén aprobados o pida que los aprueben",
    ),
    (
        "enough_admins",
        "Más de una persona la administra",
        "Configuración de la página › Acceso a la página › Agregar: dé control total a otra persona aprobada",
    ),
    (
        "expectations",
        "Las normas del distrito para los comentarios están publicadas",
        "Edite la información de la página: pegue las normas del distrito o el enlace a ellas",
    ),
    (
        "emergency",
        "Dice que nadie vigila la página las 24 horas y menciona el 911 y el 988",
        "Edite la información de la página y pegue el texto que sigue",
    ),
    (
        "visitor_posts",
        "Quién puede publicar en la página",
        "Configuración de la página › Seguidores y contenido público › Quién puede publicar en tu página",
    ),
    (
        "profanity_filter",
        "Filtro de groserías",
        "Configuración de la página › Seguidores y contenido público › Filtro de groserías",
    ),
    (
        "age_gate",
        "Límite de edad",
        "Configuración de la página › Seguidores y contenido público › Restricciones de edad",
    ),
    (
        "settings",
        "Las demás opciones están como las pide el distrito",
        "Configuración de la página: póngalas como dice la norma del distrito",
    ),
    (
        "subscribed_applications",
        "Solo hay aplicaciones aprobadas conectadas",
        "Configuración › Integraciones comerciales: quite las que no estén aprobadas",
    ),
    (
        "publishing_applications",
        "Las publicaciones se hacen con aplicaciones aprobadas",
        "Publique desde la plataforma misma o con una aplicación aprobada, y quite el acceso a la otra",
    ),
    (
        "website",
        "Lleva al sitio del distrito",
        "Edite la información de contacto: ponga como sitio web la dirección de la escuela o del distrito",
    ),
    ("never_posted", "Ha publicado algo", "Use la página o ciérrela"),
    ("dormant", "Ha publicado últimamente", "Use la página o ciérrela"),
    (
        "alt_text",
        "Las imágenes tienen un texto que las describe",
        "Edite las imágenes de la publicación: escriba el texto alternativo",
    ),
    (
        "captions",
        "Los videos tienen subtítulos",
        "YouTube Studio › Subtítulos: revise los automáticos y publíquelos; en otras plataformas suba un archivo SRT",
    ),
    (
        "flyers",
        "Lo que dice un volante está también en el texto",
        "Edite la publicación: escriba el evento, el día, la hora y el lugar",
    ),
    (
        "hashtags",
        "Las etiquetas de varias palabras llevan mayúsculas",
        "Escriba #MesaVistaCondors y no #mesavistacondors",
    ),
    ("click_here", "Los enlaces dicen adónde llevan", "Edite la publicación: diga adónde lleva el enlace"),
    ("capitals", "Las frases no están en mayúsculas", "Edite la publicación: escriba las frases en minúsculas"),
    (
        "leavers",
        "Nadie que se haya ido conserva el acceso",
        "Quite de los roles de la página a quienes se fueron, cambie la contraseña si era compartida y avise a informática",
    ),
    (
        "two_factor",
        "La verificación en dos pasos está activada",
        "Pida que la activen todas las personas con acceso (configuración › seguridad) y avise a informática",
    ),
    (
        "password_holder",
        "Se sabe quién tiene la contraseña",
        "Guarde la contraseña donde el distrito pueda obtenerla y diga a informática quién la tiene",
    ),
    (
        "recovery_email",
        "El correo de recuperación es del distrito",
        "Ponga un correo y un teléfono del distrito para recuperar el acceso y avise a informática",
    ),
    (
        "blocked_words",
        "Las palabras bloqueadas son las del distrito",
        "Ponga la lista del distrito en la configuración de la página y diga a informática qué palabras están",
    ),
    (
        "malware",
        "Los equipos con que se administra están protegidos contra programas maliciosos",
        "Pida a informática que revise los equipos",
    ),
    (
        "acceptable_use",
        "El acuerdo de uso aceptable está firmado",
        "Pida que lo firmen todas las personas que administran la página y avise a informática",
    ),
];

/// What a check asks and what to do, in Spanish.
pub(super) fn of(check: &str) -> Option<(&'static str, &'static str)> {
    TABLE.iter().find(|(id, ..)| *id == check).map(|(_, title, act)| (*title, *act))
}

#[cfg(test)]
mod tests {
    use crate::audit::{CHECKS, Turn};

    #[test]
    fn every_check_that_is_the_owner_s_to_mend_is_said_in_spanish() {
        let owners: Vec<&str> = CHECKS.iter().filter(|check| check.turn == Turn::Owner).map(|check| check.id).collect();
        let missing: Vec<&&str> = owners.iter().filter(|id| super::of(id).is_none()).collect();
        assert!(missing.is_empty(), "src/audit/tickets/spanish.rs lacks {missing:?}");
        let mut ids: Vec<&str> = super::TABLE.iter().map(|(id, ..)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(super::TABLE.len(), ids.len(), "each once");
    }
}
