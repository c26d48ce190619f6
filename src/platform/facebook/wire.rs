//! The Graph API's objects as they come, every field optional. What is asked for and not read is `Unread`: a field that
//! stands in none of these structs is unknown, and becomes a problem.

use serde::Deserialize;

use crate::platform::json::{Count, Cursors, Id, Summary, Text, Unread};

/// What is asked of a post.
pub(super) const POST_FIELDS: &[&str] = &[
    "id",
    "created_time",
    "updated_time",
    "from{id,name,username}",
    "message",
    "message_tags",
    "story",
    "permalink_url",
    "status_type",
    "is_published",
    "is_hidden",
    "is_expired",
    "parent_id",
    "shares",
    "backdated_time",
    "scheduled_publish_time",
    "promotable_id",
    "admin_creator",
    "application{id,name}",
    "via",
    "to",
    "place",
    "call_to_action",
    "attachments{media_type,type,title,description,url,unshimmed_url,media{image{src,width,height},source},target{id,url},\
     subattachments.limit(100){media_type,type,title,description,url,unshimmed_url,media{image{src,width,height},source},\
     target{id,url}}}",
    "reactions.limit(0).summary(true)",
    "comments.filter(stream).limit(0).summary(true)",
];

pub(super) const ATTACHMENT_FIELDS: &str = "media_type,type,title,description,url,unshimmed_url,media{image{src,width,height},source},target{id,url},\
     subattachments.limit(100){media_type,type,title,description,url,unshimmed_url,media{image{src,width,height},source},\
     target{id,url}}";

/// What is asked of a comment.
pub(super) const COMMENT_FIELDS: &[&str] = &[
    "id",
    "created_time",
    "message",
    "message_tags",
    "from{id,name,username}",
    "parent{id}",
    "object{id}",
    "attachment{media_type,type,title,description,url,unshimmed_url,media{image{src,width,height},source},target{id,url}}",
    "is_hidden",
    "is_private",
    "can_hide",
    "can_remove",
    "can_comment",
    "comment_count",
    "like_count",
    "permalink_url",
    "live_broadcast_timestamp",
];

/// What is asked of a film, Reels included.
pub(super) const VIDEO_FIELDS: &[&str] = &[
    "id",
    "post_id",
    "created_time",
    "updated_time",
    "title",
    "description",
    "from{id,name,username}",
    "permalink_url",
    "source",
    "picture",
    "length",
    "published",
    "live_status",
    "reactions.limit(0).summary(true)",
    "comments.filter(stream).limit(0).summary(true)",
];

/// What is asked of a photo.
pub(super) const PHOTO_FIELDS: &[&str] = &[
    "id",
    "created_time",
    "updated_time",
    "name",
    "alt_text",
    "alt_text_custom",
    "from{id,name,username}",
    "link",
    "images",
    "page_story_id",
    "album{id,name}",
    "reactions.limit(0).summary(true)",
    "comments.filter(stream).limit(0).summary(true)",
];

pub(super) const STORY_FIELDS: &[&str] = &["post_id", "status", "creation_time", "media_type", "media_id", "url"];

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Person<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Id<'a>>,
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    pub(super) username: Text<'a>,
    pub(super) category: Unread,
    pub(super) category_list: Unread,
    pub(super) picture: Unread,
    pub(super) first_name: Unread,
    pub(super) last_name: Unread,
}

/// A reference to another object, of which only the id is read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Named<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Id<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Summed {
    pub(super) summary: Option<Summary>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Shares {
    pub(super) count: Option<Count>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Image<'a> {
    #[serde(borrow)]
    pub(super) src: Text<'a>,
    #[serde(borrow)]
    pub(super) source: Text<'a>,
    pub(super) width: Option<Count>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AttachedMedia<'a> {
    #[serde(borrow)]
    pub(super) image: Option<Image<'a>>,
    #[serde(borrow)]
    pub(super) source: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Attachments<'a> {
    #[serde(borrow)]
    pub(super) data: Vec<Attachment<'a>>,
    #[serde(borrow)]
    pub(super) paging: Option<Onward<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Onward<'a> {
    #[serde(borrow)]
    pub(super) next: Text<'a>,
    #[serde(borrow)]
    pub(super) cursors: Option<Cursors<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Attachment<'a> {
    #[serde(borrow)]
    pub(super) media_type: Text<'a>,
    #[serde(borrow, rename = "type")]
    pub(super) form: Text<'a>,
    #[serde(borrow)]
    pub(super) title: Text<'a>,
    #[serde(borrow)]
    pub(super) description: Text<'a>,
    pub(super) description_tags: Unread,
    #[serde(borrow)]
    pub(super) url: Text<'a>,
    #[serde(borrow)]
    pub(super) unshimmed_url: Text<'a>,
    #[serde(borrow)]
    pub(super) media: Option<AttachedMedia<'a>>,
    #[serde(borrow)]
    pub(super) target: Option<Named<'a>>,
    #[serde(borrow)]
    pub(super) subattachments: Option<Attachments<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CallToAction<'a> {
    #[serde(borrow)]
    pub(super) value: Option<CallToActionValue<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CallToActionValue<'a> {
    #[serde(borrow)]
    pub(super) link: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Post<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Id<'a>>,
    #[serde(borrow)]
    pub(super) created_time: Option<Id<'a>>,
    pub(super) updated_time: Unread,
    pub(super) tagged_time: Unread,
    #[serde(borrow)]
    pub(super) from: Option<Person<'a>>,
    #[serde(borrow)]
    pub(super) message: Text<'a>,
    pub(super) message_tags: Unread,
    #[serde(borrow)]
    pub(super) story: Text<'a>,
    pub(super) story_tags: Unread,
    #[serde(borrow)]
    pub(super) permalink_url: Text<'a>,
    #[serde(borrow)]
    pub(super) status_type: Text<'a>,
    pub(super) is_published: Option<bool>,
    pub(super) is_hidden: Option<bool>,
    pub(super) is_expired: Option<bool>,
    #[serde(borrow)]
    pub(super) parent_id: Option<Id<'a>>,
    pub(super) shares: Option<Shares>,
    pub(super) backdated_time: Unread,
    pub(super) scheduled_publish_time: Unread,
    pub(super) promotable_id: Unread,
    pub(super) admin_creator: Unread,
    pub(super) via: Unread,
    pub(super) to: Unread,
    pub(super) place: Unread,
    pub(super) properties: Unread,
    pub(super) actions: Unread,
    pub(super) privacy: Unread,
    pub(super) icon: Unread,
    pub(super) picture: Unread,
    pub(super) full_picture: Unread,
    pub(super) application: Unread,
    #[serde(borrow)]
    pub(super) call_to_action: Option<CallToAction<'a>>,
    #[serde(borrow)]
    pub(super) attachments: Option<Attachments<'a>>,
    pub(super) reactions: Option<Summed>,
    pub(super) comments: Option<Summed>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Comment<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Id<'a>>,
    #[serde(borrow)]
    pub(super) created_time: Option<Id<'a>>,
    #[serde(borrow)]
    pub(super) message: Text<'a>,
    pub(super) message_tags: Unread,
    #[serde(borrow)]
    pub(super) from: Option<Person<'a>>,
    #[serde(borrow)]
    pub(super) parent: Option<Named<'a>>,
    #[serde(borrow)]
    pub(super) object: Option<Named<'a>>,
    #[serde(borrow)]
    pub(super) attachment: Option<Attachment<'a>>,
    pub(super) is_hidden: Option<bool>,
    pub(super) is_private: Unread,
    pub(super) can_hide: Unread,
    pub(super) can_remove: Unread,
    pub(super) can_comment: Unread,
    pub(super) can_like: Unread,
    pub(super) can_reply_privately: Unread,
    pub(super) comment_count: Option<Count>,
    pub(super) like_count: Option<Count>,
    #[serde(borrow)]
    pub(super) permalink_url: Text<'a>,
    pub(super) admin_creator: Unread,
    pub(super) application: Unread,
    pub(super) live_broadcast_timestamp: Unread,
    pub(super) user_likes: Unread,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Video<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Id<'a>>,
    #[serde(borrow)]
    pub(super) post_id: Option<Id<'a>>,
    #[serde(borrow)]
    pub(super) created_time: Option<Id<'a>>,
    pub(super) updated_time: Unread,
    #[serde(borrow)]
    pub(super) title: Text<'a>,
    #[serde(borrow)]
    pub(super) description: Text<'a>,
    #[serde(borrow)]
    pub(super) from: Option<Person<'a>>,
    #[serde(borrow)]
    pub(super) permalink_url: Text<'a>,
    #[serde(borrow)]
    pub(super) source: Text<'a>,
    #[serde(borrow)]
    pub(super) picture: Text<'a>,
    pub(super) length: Unread,
    pub(super) published: Unread,
    pub(super) live_status: Unread,
    pub(super) reactions: Option<Summed>,
    pub(super) comments: Option<Summed>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Photo<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Id<'a>>,
    #[serde(borrow)]
    pub(super) created_time: Option<Id<'a>>,
    pub(super) updated_time: Unread,
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    pub(super) alt_text: Text<'a>,
    #[serde(borrow)]
    pub(super) alt_text_custom: Text<'a>,
    #[serde(borrow)]
    pub(super) from: Option<Person<'a>>,
    #[serde(borrow)]
    pub(super) link: Text<'a>,
    #[serde(borrow)]
    pub(super) images: Vec<Image<'a>>,
    #[serde(borrow)]
    pub(super) page_story_id: Option<Id<'a>>,
    pub(super) album: Unread,
    pub(super) reactions: Option<Summed>,
    pub(super) comments: Option<Summed>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Story<'a> {
    #[serde(borrow)]
    pub(super) post_id: Option<Id<'a>>,
    #[serde(borrow)]
    pub(super) status: Text<'a>,
    #[serde(borrow)]
    pub(super) creation_time: Option<Id<'a>>,
    #[serde(borrow)]
    pub(super) media_type: Text<'a>,
    #[serde(borrow)]
    pub(super) media_id: Option<Id<'a>>,
    #[serde(borrow)]
    pub(super) url: Text<'a>,
    pub(super) id: Unread,
}
