//! E-mails by SMTP: submission (RFC 6409) with TLS (RFC 8314) and log-in, as text and HTML, with the
//! one-click link that unsubscribes (RFC 8058).

use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use domain::reminder::Channel;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message as Mail, Tokio1Executor,
    message::{
        Mailbox, MessageBuilder, MultiPart,
        header::{HeaderName, HeaderValue},
    },
    transport::smtp::{
        Error,
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
    },
};
use store::channels::StoredChannel;
use uuid::Uuid;

use super::{
    http::root_cause,
    sender::{Attempt, Blame, Message, Sender},
    templates::{self, Words},
};

/// The server has this long for each step.
const TIMEOUT: Duration = Duration::from_secs(15);

/// And this long for all of them.
const ATTEMPT: Duration = Duration::from_secs(20);

/// How the connection to the server is kept from others' eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SmtpTls {
    /// TLS after `STARTTLS`, and nothing without it; port 587.
    StartTls,
    /// TLS from the first byte; port 465.
    Implicit,
    /// None: for a server on the same machine only.
    None,
}

/// How to reach the SMTP server. `Debug` is not derived: it holds a password.
pub struct SmtpSettings {
    /// Name of the server, which its certificate must have.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// TLS.
    pub tls: SmtpTls,
    /// CA certificates in PEM that are trusted beside the public ones.
    pub ca: Option<String>,
    /// User name and password.
    pub log_in: Option<(String, String)>,
    /// Who writes, such as `Reminders <reminders@example.com>`.
    pub from: String,
    /// Where users reach the gateway, such as `https://todo.example.com`; without it an e-mail has no
    /// link that unsubscribes.
    pub public_url: Option<String>,
}

/// Sends e-mails.
pub struct Email {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    receiver: String,
    public_url: Option<String>,
}

impl Email {
    /// A client. It connects when there is something to send.
    ///
    /// # Errors
    /// When the sender's address or the CA certificate cannot be read.
    pub fn new(settings: SmtpSettings) -> anyhow::Result<Self> {
        let from: Mailbox = settings.from.parse().context("the sender's address")?;
        let receiver = format!("{}:{}", settings.host, settings.port);
        let parameters = || {
            let mut parameters = TlsParameters::builder(settings.host.clone());
            if let Some(ca) = &settings.ca {
                let certificate = Certificate::from_pem(ca.as_bytes())?;
                parameters = parameters.add_root_certificate(certificate);
            }
            parameters.build_rustls()
        };
        let tls = match settings.tls {
            SmtpTls::StartTls => Tls::Required(parameters().context("TLS to the SMTP server")?),
            SmtpTls::Implicit => Tls::Wrapper(parameters().context("TLS to the SMTP server")?),
            SmtpTls::None => Tls::None,
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .port(settings.port)
            .tls(tls)
            .timeout(Some(TIMEOUT));
        if let Some((user, password)) = settings.log_in {
            transport = transport.credentials(Credentials::new(user, password));
        }
        Ok(Self {
            transport: transport.build(),
            from,
            receiver: format!("smtp {receiver}"),
            public_url: settings
                .public_url
                .map(|url| url.trim_end_matches('/').to_owned()),
        })
    }

    /// Where users reach the gateway, and behind it this path; none when the stack does not say where.
    pub(super) fn link(&self, path: &str) -> Option<String> {
        self.public_url.as_ref().map(|base| format!("{base}{path}"))
    }

    /// Makes one attempt to send words that are no reminder.
    pub(super) async fn send_words(&self, to: &str, words: Words) -> Attempt {
        let written = self.begin(to).and_then(|mail| finish(mail, words));
        self.submit(written).await
    }

    /// The headers of every e-mail.
    fn begin(&self, to: &str) -> anyhow::Result<MessageBuilder> {
        Ok(Mail::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to.parse()?))
            // RFC 3834: nobody's absence note answers it.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".into(),
            )))
    }

    async fn submit(&self, written: anyhow::Result<Mail>) -> Attempt {
        let mail = match written {
            Ok(mail) => mail,
            Err(error) => return Attempt::GiveUp(format!("it cannot be written: {error}")),
        };
        match tokio::time::timeout(ATTEMPT, self.transport.send(mail)).await {
            Ok(Ok(_)) => Attempt::Delivered,
            Ok(Err(error)) => judge(&error),
            Err(_) => Attempt::retry(Blame::Receiver, "the SMTP server took too long"),
        }
    }

    fn write(&self, message: &Message<'_>, stored: &StoredChannel) -> anyhow::Result<Mail> {
        let link = self.unsubscribe(stored);
        let words = templates::words(message, link.as_deref());
        let mut mail = self
            .begin(stored.target())?
            .message_id(Some(self.message_id(message.id)));
        if let Some(link) = link {
            let value = format!("<{link}>");
            // It must not be folded within.
            mail = mail
                .raw_header(HeaderValue::dangerous_new_pre_encoded(
                    HeaderName::new_from_ascii_str("List-Unsubscribe"),
                    value.clone(),
                    value,
                ))
                .raw_header(HeaderValue::new(
                    HeaderName::new_from_ascii_str("List-Unsubscribe-Post"),
                    "List-Unsubscribe=One-Click".into(),
                ));
        }
        finish(mail, words)
    }

    /// The same in each attempt: a server that has it already can tell.
    fn message_id(&self, id: Uuid) -> String {
        format!("<{id}@{}>", self.from.email.domain())
    }

    fn unsubscribe(&self, stored: &StoredChannel) -> Option<String> {
        let token = stored.unsubscribe_token()?;
        self.link(&format!("/v1/unsubscribe/{}/{token}", stored.id))
    }
}

#[async_trait]
impl Sender for Email {
    fn receiver(&self, _: &Channel, _: Option<&StoredChannel>) -> String {
        self.receiver.clone()
    }

    async fn send(&self, message: Message<'_>) -> Attempt {
        let Some(stored) = message.stored else {
            return Attempt::GiveUp("there is no address".into());
        };
        self.submit(self.write(&message, stored)).await
    }
}

/// Adds the words.
fn finish(mail: MessageBuilder, words: Words) -> anyhow::Result<Mail> {
    let parts = MultiPart::alternative_plain_html(words.text, words.html);
    Ok(mail.subject(words.title).multipart(parts)?)
}

/// Replies of the server by RFC 5321 and, for the log-in, RFC 4954.
fn judge(error: &Error) -> Attempt {
    let words = format!("the SMTP server: {}", root_cause(error));
    match error.status().map(u16::from) {
        // Its log-in is for the platform engineer to mend.
        Some(530..=538) => Attempt::retry(Blame::Nobody, words),
        Some(500..) => Attempt::GiveUp(words),
        Some(421) => Attempt::retry(Blame::Receiver, words),
        Some(_) => Attempt::retry(Blame::Nobody, words),
        None => Attempt::retry(Blame::Receiver, words),
    }
}
