//! Where a flag stands, decided in one place for every reader: SQL over `flags f`. What depends on today (a decision, a suppression, a
//! page's open finding) is applied here, when read; nothing of it is stored with the flag.

/// A person's newest outcome on the flag; none where there never was one, or it was withdrawn.
const DECIDED: &str =
    "(SELECT nullif(r.outcome, 'withdrawn') FROM reviews r WHERE r.flag = f.flag ORDER BY r.seq DESC LIMIT 1)";

/// A phrase that is in force as harmless covers it.
const COVERED: &str = "EXISTS (SELECT 1 FROM suppressed u JOIN suppressions s ON s.seq = u.suppression
       WHERE u.flag = f.flag AND s.ended_at IS NULL)";

/// Pages that do not show the expectations for comments. A retired page's finding is withdrawn: nobody saw them shown.
const SILENT: &str = "SELECT n.account_id FROM findings n JOIN accounts p ON p.id = n.account_id
       WHERE n.check_id = 'expectations' AND (n.ended IS NULL OR n.ended = 'withdrawn' AND p.status = 'retired')";

/// Somebody else's words that are only against the expectations of a page, which does not show any: the finding comes first. What a
/// person has decided stands.
pub(super) fn withheld() -> String {
    format!(
        "(f.clause = 'III.4' AND EXISTS (SELECT 1 FROM items w WHERE w.id = f.item_id AND w.role <> 'district'
           AND w.account_id IN ({SILENT})) AND {DECIDED} IS NULL)"
    )
}

/// The state in one word: shadow, an outcome as it was typed, withheld, suppressed or open.
pub(super) fn standing() -> String {
    let withheld = withheld();
    format!(
        "CASE WHEN f.shadow THEN 'shadow' WHEN {withheld} THEN 'withheld'
           ELSE coalesce({DECIDED}, CASE WHEN {COVERED} THEN 'suppressed' ELSE 'open' END) END"
    )
}

/// It waits for a person.
pub(super) fn is_open() -> String {
    format!("({} = 'open')", standing())
}

/// It is one of those that people are shown and that are counted, whatever became of it.
pub(super) fn counts() -> String {
    format!("(f.shadow = 0 AND NOT {})", withheld())
}

/// It came from a backfill, an import or a changed pack, or it was withheld until its page showed its expectations.
pub(super) const PAST: &str =
    "(f.past OR (f.clause = 'III.4' AND EXISTS (SELECT 1 FROM items w JOIN findings n ON n.account_id = w.account_id
       WHERE w.id = f.item_id AND w.role <> 'district' AND n.check_id = 'expectations' AND n.ended = 'fixed'
         AND n.ended_at > f.first_flagged_at)))";
