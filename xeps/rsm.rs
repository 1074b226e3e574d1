//! Pages of result sets as XEP-0059 has them, for the XEPs that page.

use waxwing_stanza::{Condition, StanzaError};
use waxwing_xml::Tag;
use xmpp_parsers::rsm::SetQuery;

pub const RSM: &str = "http://jabber.org/protocol/rsm";

/// The page that a request asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page<'a> {
    /// At most so many items.
    pub limit: u32,
    pub after: Option<&'a str>,
    pub before: Option<&'a str>,
    /// The last page of what there is, or of what comes before `before`.
    pub backwards: bool,
}

impl<'a> Page<'a> {
    /// `most`: the largest page that is given, and the one for who names no size.
    pub fn of(set: Option<&'a SetQuery>, most: u32) -> Result<Page<'a>, StanzaError> {
        let Some(set) = set else { return Ok(Page { limit: most, ..Page::default() }) };
        // §2.6: only where a position in the set is cheap to find.
        if set.index.is_some() {
            return Err(Condition::FeatureNotImplemented.into());
        }
        let given = |id: &'a Option<String>| id.as_deref().filter(|id| !id.is_empty());
        Ok(Page {
            limit: set.max.map_or(most, |max| u32::try_from(max).unwrap_or(most).min(most)),
            after: given(&set.after),
            before: given(&set.before),
            backwards: set.before.is_some(),
        })
    }
}

/// Writes the result's set: the ids of its first and last item, and how many there are in all, where that is known.
pub fn write(out: &mut Vec<u8>, ends: Option<(&str, &str)>, count: Option<u64>) {
    Tag::new(out, "set").ns(RSM).children(|out| {
        if let Some((first, last)) = ends {
            Tag::new(out, "first").text(first);
            Tag::new(out, "last").text(last);
        }
        if let Some(count) = count {
            Tag::new(out, "count").text(&count.to_string());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(children: &str) -> Result<(u32, Option<String>, Option<String>, bool), StanzaError> {
        let set: SetQuery =
            xso::from_bytes(format!("<set xmlns='{RSM}'>{children}</set>").as_bytes()).unwrap();
        let page = Page::of(Some(&set), 50)?;
        Ok((page.limit, page.after.map(str::to_owned), page.before.map(str::to_owned), page.backwards))
    }

    #[test]
    fn what_a_request_asks_for() {
        let some = |id: &str| Some(id.to_owned());
        assert_eq!(page("").unwrap(), (50, None, None, false));
        assert_eq!(page("<max>10</max>").unwrap(), (10, None, None, false));
        assert_eq!(page("<max>0</max>").unwrap().0, 0);
        assert_eq!(page("<max>51</max>").unwrap().0, 50);
        assert_eq!(page("<max>4294967299</max>").unwrap().0, 50);
        assert_eq!(page("<before/>").unwrap(), (50, None, None, true));
        assert_eq!(page("<before>b</before>").unwrap(), (50, None, some("b"), true));
        assert_eq!(page("<after>a</after>").unwrap(), (50, some("a"), None, false));
        assert_eq!(page("<after/>").unwrap(), (50, None, None, false));
        assert_eq!(page("<index>0</index>").unwrap_err().condition, Condition::FeatureNotImplemented);
    }

    #[test]
    fn an_empty_page_has_no_ends() {
        let mut out = Vec::new();
        write(&mut out, None, Some(800));
        let set = String::from_utf8(out).unwrap();
        assert_eq!(set, format!("<set xmlns='{RSM}'><count>800</count></set>"));
    }
}
