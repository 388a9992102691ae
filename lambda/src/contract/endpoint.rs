//! An endpoint of `notify`: a queue, a function or a web address that gets notices as JSON.

use std::str::FromStr;

use crate::model::{
    arn::ArnParts,
    parse_error::{ParseError, text_newtype},
};

/// An endpoint that gets every notice as a JSON document, and never a secret. It is the ARN of a queue of SQS or of a
/// Lambda function, or a URL that begins with `https://`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint(String);

text_newtype!(Endpoint);

/// What an endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndpointKind {
    /// A standard queue of SQS. SNS does not deliver from a standard topic to a FIFO queue.
    Queue,
    /// A Lambda function, or one of its versions or aliases.
    Function,
    /// A web server.
    Https,
}

impl EndpointKind {
    /// The protocol of its subscription, as SNS names it.
    #[must_use]
    pub const fn protocol(self) -> &'static str {
        match self {
            Self::Queue => "sqs",
            Self::Function => "lambda",
            Self::Https => "https",
        }
    }
}

/// The longest URL. All endpoints must fit into the function's environment.
const LONGEST_URL: usize = 256;

impl Endpoint {
    /// What the endpoint is.
    #[must_use]
    pub fn kind(&self) -> EndpointKind {
        match ArnParts::of(&self.0) {
            Some(arn) if arn.service == "sqs" => EndpointKind::Queue,
            Some(_) => EndpointKind::Function,
            None => EndpointKind::Https,
        }
    }

    /// The parts of the ARN; `None` for a URL.
    #[must_use]
    pub fn arn(&self) -> Option<ArnParts<'_>> {
        ArnParts::of(&self.0)
    }
}

/// A name of letters, digits, `-` and `_`.
fn is_name(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

fn is_arn(text: &str) -> bool {
    ArnParts::of(text).filter(|arn| !arn.region.is_empty() && !arn.account.is_empty()).is_some_and(|arn| {
        match (arn.service, arn.resource.split(':').collect::<Vec<_>>().as_slice()) {
            ("sqs", [name]) => is_name(name, 80),
            ("lambda", ["function", name]) => is_name(name, 64),
            ("lambda", ["function", name, qualifier]) => is_name(name, 64) && is_name(qualifier, 128),
            _ => false,
        }
    })
}

/// Whether this is a host of SQS itself. It has no page that takes a notice, so SNS must deliver to the ARN of the queue.
fn is_queue_host(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host.starts_with("sqs.") && (host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn"))
}

/// A public host name, perhaps a port, and a path. Credentials are not allowed, because the template is no secret.
fn is_url(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://") else { return false };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = authority.split_once(':').unwrap_or((authority, "443"));
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    let top = host.rsplit('.').next().unwrap_or_default();
    text.len() <= LONGEST_URL
        && host.contains('.')
        && host.split('.').all(label)
        // A top level of only digits would be an IP address.
        && top.bytes().any(|b| b.is_ascii_alphabetic())
        && !is_queue_host(host)
        && port.bytes().all(|b| b.is_ascii_digit())
        && !port.starts_with('0')
        && port.parse::<u16>().is_ok()
        && path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._~:@!$&()*+,;=?%-".contains(&b))
}

impl FromStr for Endpoint {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if is_arn(text) || is_url(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseError::new(
                text,
                "an endpoint",
                "arn:aws:sqs:REGION:ACCOUNT:QUEUE (not the URL of the queue, and not a FIFO queue), arn:aws:lambda:REGION:ACCOUNT:function:NAME, or \
                 https://HOST/PATH of at most 256 characters, without a user name or password",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        for (good, kind) in [
            ("arn:aws:sqs:eu-west-1:123456789012:key-events", EndpointKind::Queue),
            ("arn:aws-cn:lambda:cn-north-1:123456789012:function:update_secret", EndpointKind::Function),
            ("arn:aws:lambda:eu-west-1:123456789012:function:f:live", EndpointKind::Function),
            ("https://hooks.example.com", EndpointKind::Https),
            ("https://hooks.example.com:8443/keys?from=aws&v=1", EndpointKind::Https),
            ("https://hooks.example.com:65535/", EndpointKind::Https),
            ("https://sqs.example.com/", EndpointKind::Https),
        ] {
            assert_eq!(good.parse::<Endpoint>().unwrap().kind(), kind, "{good}");
        }
        for bad in [
            "",
            "ops@example.com",
            "http://hooks.example.com/",
            "https://",
            "https://user:password@hooks.example.com/",
            "https://127.0.0.1/",
            "https://localhost/",
            "https://hooks.example.com/a b",
            "https://hooks.example.com/#part",
            "https://hooks.example.com:/",
            "https://hooks.example.com:0/",
            "https://hooks.example.com:0443/",
            "https://hooks.example.com:65536/",
            "https://sqs.eu-west-1.amazonaws.com/123456789012/key-events",
            "https://SQS.eu-west-1.amazonaws.com:443/123456789012/key-events",
            "https://sqs.eu-west-1.amazonaws.com/123456789012/key-events.fifo",
            "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/key-events",
            "arn:aws:sqs:eu-west-1:123456789012:events.fifo",
            "arn:aws:sqs:eu-west-1:123456789012:a:b",
            "arn:aws:sns:eu-west-1:123456789012:topic",
            "arn:aws:lambda:eu-west-1:123456789012:layer:name",
            "arn:aws:lambda:eu-west-1:123456789012:function:f:$LATEST",
            "arn:aws:sqs::123456789012:queue",
        ] {
            assert!(bad.parse::<Endpoint>().is_err(), "{bad:?}");
        }
    }
}
