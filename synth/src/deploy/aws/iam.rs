//! Adapter for IAM: reads the tags of a user.

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError, try_data};
use lambda::model::user::UserName;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    AwsError, Session,
    rest::{AwsService, Reply, ServiceError, SignedRequest},
};

/// A page of the list of a user's tags, and the marker of the next page.
#[derive(Debug, Default, PartialEq, Eq)]
struct TagPage {
    tags: Vec<(String, String)>,
    is_truncated: bool,
    marker: Option<String>,
}

impl Session {
    /// All tags of a user. `None` if no user has this name.
    ///
    /// # Errors
    /// [`AwsError`] if a page of the list cannot be read.
    pub async fn user_tags(&self, user: &UserName) -> Result<Option<Vec<(String, String)>>, AwsError> {
        let (mut all, mut marker) = (Vec::new(), None);
        loop {
            let reply = match self.list_user_tags(user, marker.as_deref()).await {
                Ok(reply) => reply,
                Err(e) if e.code() == Some("NoSuchEntity") => return Ok(None),
                Err(e) => {
                    return Err(AwsError::of(&format!("read the tags of the user {user} (iam:ListUserTags)"), &e));
                }
            };
            let incomplete = || AwsError::incomplete("ListUserTags", "list of tags");
            let page = read(&String::from_utf8_lossy(&reply.body)).ok().flatten().ok_or_else(incomplete)?;
            all.extend(page.tags);
            if !page.is_truncated {
                return Ok(Some(all));
            }
            marker = Some(page.marker.ok_or_else(|| AwsError::incomplete("ListUserTags", "marker"))?);
        }
    }

    async fn list_user_tags(
        &self,
        user: &UserName,
        marker: Option<&str>,
    ) -> Result<Reply, SdkError<ServiceError, HttpResponse>> {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let mut body = format!("Action=ListUserTags&Version=2010-05-08&UserName={}", encoded(user.as_str()));
        if let Some(marker) = marker {
            body.push_str(&format!("&Marker={}", encoded(marker)));
        }
        let request = SignedRequest {
            service: AwsService::Iam,
            method: "POST",
            path: "/".to_owned(),
            headers: vec![("content-type", "application/x-www-form-urlencoded".into())],
            body: body.into_bytes(),
        };
        let (retry, timeouts) = self.limits();
        self.send(request, &retry, timeouts).await
    }
}

/// Reads the response of ListUserTags. `None` if it has no result with a list.
fn read(answer: &str) -> Result<Option<TagPage>, XmlDecodeError> {
    let mut document = Document::new(answer);
    let mut root = document.root_element()?;
    while let Some(mut element) = root.next_tag() {
        if element.start_el().local() == "ListUserTagsResult" {
            return result(&mut element);
        }
    }
    Ok(None)
}

fn result(element: &mut ScopedDecoder<'_, '_>) -> Result<Option<TagPage>, XmlDecodeError> {
    let (mut page, mut has_list) = (TagPage::default(), false);
    while let Some(mut part) = element.next_tag() {
        match part.start_el().local() {
            "Tags" => {
                has_list = true;
                while let Some(mut member) = part.next_tag() {
                    page.tags.push(tag(&mut member)?);
                }
            }
            "IsTruncated" => page.is_truncated = try_data(&mut part)?.trim() == "true",
            "Marker" => page.marker = Some(try_data(&mut part)?.into_owned()),
            _ => {}
        }
    }
    Ok(has_list.then_some(page))
}

fn tag(member: &mut ScopedDecoder<'_, '_>) -> Result<(String, String), XmlDecodeError> {
    let (mut key, mut value) = (String::new(), String::new());
    while let Some(mut part) = member.next_tag() {
        match part.start_el().local() {
            "Key" => key = try_data(&mut part)?.into_owned(),
            "Value" => value = try_data(&mut part)?.into_owned(),
            _ => {}
        }
    }
    Ok((key, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_response_of_list_user_tags_is_read() {
        let response = |inner: &str| {
            format!(
                "<ListUserTagsResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">{inner}<ResponseMetadata>\
                 <RequestId>r</RequestId></ResponseMetadata></ListUserTagsResponse>"
            )
        };
        let full = response(
            "<ListUserTagsResult><IsTruncated>true</IsTruncated><Tags><member><Key>a</Key><Value>b &amp; c</Value></member>\
             <member><Key>empty</Key><Value/></member></Tags><Marker>m==</Marker></ListUserTagsResult>",
        );
        let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let expected = TagPage {
            tags: vec![tag("a", "b & c"), tag("empty", "")],
            is_truncated: true,
            marker: Some("m==".to_owned()),
        };
        assert_eq!(read(&full).unwrap(), Some(expected));
        let none = "<ListUserTagsResult><Tags/><IsTruncated>false</IsTruncated></ListUserTagsResult>";
        assert_eq!(read(&response(none)).unwrap(), Some(TagPage::default()));
        // A response without a list is not the same as a user without tags.
        assert_eq!(read(&response("<ListUserTagsResult/>")).unwrap(), None);
        assert_eq!(read(&response("")).unwrap(), None);
        assert!(read("{}").is_err());
    }
}
