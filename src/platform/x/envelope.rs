//! What stands around the posts of an answer: the list they come in, and what X says that it does not give.

use super::parse::Read;
use crate::platform::lenient::Obj;

/// The elements of `data`: a list, or the one object of a single lookup; and whether something of it could not be read.
pub(super) fn data<'a>(root: &Obj<'a>) -> (Vec<Obj<'a>>, bool) {
    if root.is_list("data") { root.all_objects("data") } else { (root.obj("data").into_iter().collect(), false) }
}

/// Whether an answer without posts says that it is empty, or what it does not show.
pub(super) fn says_so(root: &Obj) -> bool {
    root.obj("meta").and_then(|meta| meta.int("result_count")) == Some(0) || root.is_list("errors")
}

/// Sorts the partial errors of an answer that came with 200.
pub(super) fn errors(root: &Obj, read: &mut Read) {
    for error in root.objects("errors") {
        let kind = error.str("type").unwrap_or_default();
        let id = error.str_of(&["resource_id", "value"]);
        let asked = error.str("parameter").is_none_or(|parameter| !parameter.contains("referenced"));
        match (kind.rsplit('/').next(), id) {
            (Some("resource-not-found"), Some(id)) if asked => read.not_found.push(id),
            (Some("not-authorized-for-resource" | "disallowed-resource" | "resource-unavailable"), Some(id))
                if asked =>
            {
                read.not_shown.push(id);
            }
            // A post that is quoted or answered and cannot be had is no loss of ours.
            (Some("resource-not-found" | "not-authorized-for-resource" | "disallowed-resource"), _) if !asked => {}
            _ => error.problem("type", format!("an error X reports beside the data: {}", title(&error))),
        }
    }
}

fn title(error: &Obj) -> String {
    error.str_of(&["title", "type", "message"]).unwrap_or_else(|| "without a title".to_owned())
}
