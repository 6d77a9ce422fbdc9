//! `GET /v1/ws`: a WebSocket (RFC 6455). Its messages are in [`message`](super::message).

use std::{convert::Infallible, future::pending, time::Duration};

use axum::{
    extract::{
        State,
        ws::{
            CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code,
            rejection::WebSocketUpgradeRejection,
        },
    },
    http::HeaderMap,
    response::Response,
};
use chrono::{DateTime, Utc};
use runtime::{
    Problem,
    auth::{self, Claims},
};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{Error, error::ProtocolError};
use uuid::Uuid;

use super::{
    Sync,
    hub::{Subscription, Told},
    message::{Asked, Said},
};

/// Largest message of a device, in bytes: a token fits ten times.
const MESSAGE: usize = 4096;

/// Bytes that a socket reads at a time. What is asked is short, and ten thousand sockets have a buffer each.
const READ_BUFFER: usize = 1024;

/// A device shows its token and asks for changes within this time: a user has so many streams, and what is no
/// stream is not counted.
const PATIENCE: Duration = Duration::from_secs(10);

/// A message is on its way within this time, else nobody reads the other end.
const SEND: Duration = Duration::from_secs(10);

/// So often a device is asked whether it is there.
const PING: Duration = Duration::from_secs(25);

/// Pings in a row that a device leaves without any sign of life; it is taken for gone when the next is due.
const UNANSWERED: u32 = 3;

/// Messages of a device in [`WINDOW`], at most.
const MESSAGES: u32 = 30;

/// See [`MESSAGES`].
const WINDOW: Duration = Duration::from_secs(10);

/// Why a socket is closed. The codes from 4000 on are ours (RFC 6455 §7.4.2), like the statuses of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Nobody is there to be told.
    Gone,
    /// The device is told a code and a reason.
    Closed(u16, &'static str),
}

const NOT_UNDERSTOOD: End = End::Closed(4400, "a message was not understood");
const UNREADABLE: End = End::Closed(4400, "a message was too large, or no message at all");
const NOT_ASKED: End = End::Closed(4400, "no changes were asked for in time");
const NO_TOKEN: End = End::Closed(4401, "no valid access token was shown in time");
const EXPIRED: End = End::Closed(4401, "the access token has expired");
const TOO_SLOW: End = End::Closed(4408, "changes were left out: too many waited to be read");
const TOO_MUCH: End = End::Closed(4429, "too many messages");
const TOO_MANY: End = End::Closed(4429, "too many streams of this user");
const STOPPING: End = End::Closed(close_code::AWAY, "this replica stops: connect again");
const BROKEN: End = End::Closed(close_code::ERROR, "an internal error: connect again");

/// Opens a socket. Without an `Authorization` header, which browsers cannot send, the first message shows
/// the access token.
///
/// # Errors
/// 401 for a header with a token that is not valid, and those of a request that asks for no WebSocket.
pub(super) async fn open(
    State(sync): State<Sync>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|why| Problem::new(why.status(), why.body_text()))?;
    let claims = match auth::bearer(&headers) {
        Some(token) => Some(sync.claims(token).ok_or_else(auth::no_token)?),
        None => None,
    };
    let alive = sync.sockets.token();
    Ok(upgrade
        .max_message_size(MESSAGE)
        .max_frame_size(MESSAGE)
        .read_buffer_size(READ_BUFFER)
        // Each message is sent at once.
        .write_buffer_size(0)
        .on_upgrade(move |socket| async move {
            let _alive = alive;
            metrics::counter!("todostack_streams_opened_total", "kind" => "ws").increment(1);
            Session::new(sync, socket).run(claims).await;
        }))
}

/// Why nothing more can be read. A connection that broke off has nobody to be told.
fn unreadable(error: axum::Error) -> End {
    match error.into_inner().downcast_ref() {
        Some(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => End::Gone,
        Some(Error::Capacity(_) | Error::Protocol(_) | Error::Utf8(_)) => UNREADABLE,
        _ => End::Gone,
    }
}

/// What a socket is told next: nothing before it asked for changes.
async fn next(subscription: &mut Option<Subscription>) -> Told {
    match subscription {
        Some(subscription) => subscription.next().await,
        None => pending().await,
    }
}

/// One socket.
struct Session {
    sync: Sync,
    socket: WebSocket,
    /// Whose it is, and when the token expires.
    user: Option<(Uuid, Instant)>,
    subscription: Option<Subscription>,
    opened: Instant,
    /// Pings since the device was heard.
    unanswered: u32,
    /// When the window of messages began, and how many there were in it.
    window: (Instant, u32),
}

impl Session {
    fn new(sync: Sync, socket: WebSocket) -> Self {
        let now = Instant::now();
        Self {
            sync,
            socket,
            user: None,
            subscription: None,
            opened: now,
            unanswered: 0,
            window: (now, 0),
        }
    }

    /// Serves the device until one of both ends it.
    async fn run(mut self, claims: Option<Claims>) {
        let Err(end) = self.serve(claims).await;
        let End::Closed(code, reason) = end else {
            return;
        };
        metrics::counter!("todostack_sockets_closed_total", "code" => code.to_string())
            .increment(1);
        let reason = Utf8Bytes::from_static(reason);
        let close = Message::Close(Some(CloseFrame { code, reason }));
        // Who is gone need not be told.
        let _ = self.send(close).await;
        // The device answers with a close frame of its own; until then what it sent is read, for a
        // connection that is closed over unread bytes is reset, and the reason lost.
        let answer = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        let _ = timeout(Duration::from_secs(2), answer).await;
    }

    async fn serve(&mut self, claims: Option<Claims>) -> Result<Infallible, End> {
        if let Some(claims) = claims {
            self.welcome(claims).await?;
        }
        let mut pings = interval(PING);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pings.reset();
        loop {
            let (deadline, end) = self.deadline();
            tokio::select! {
                message = self.socket.recv() => match message {
                    Some(Ok(message)) => self.hear(message).await?,
                    Some(Err(error)) => return Err(unreadable(error)),
                    None => return Err(End::Gone),
                },
                told = next(&mut self.subscription) => self.tell(told).await?,
                () = sleep_until(deadline) => return Err(end),
                _ = pings.tick() => {
                    if self.unanswered == UNANSWERED {
                        return Err(End::Gone);
                    }
                    self.unanswered += 1;
                    self.send(Message::Ping(axum::body::Bytes::new())).await?;
                }
                () = self.sync.shutdown.cancelled() => return Err(STOPPING),
            }
        }
    }

    /// When the socket is closed, and why then.
    fn deadline(&self) -> (Instant, End) {
        let patience = self.opened + PATIENCE;
        match self.user {
            None => (patience, NO_TOKEN),
            Some((_, expires)) if self.subscription.is_some() || expires < patience => {
                (expires, EXPIRED)
            }
            Some(_) => (patience, NOT_ASKED),
        }
    }

    async fn hear(&mut self, message: Message) -> Result<(), End> {
        self.unanswered = 0;
        let (since, count) = &mut self.window;
        if since.elapsed() >= WINDOW {
            (*since, *count) = (Instant::now(), 0);
        }
        *count += 1;
        if *count > MESSAGES {
            return Err(TOO_MUCH);
        }
        let text = match message {
            Message::Text(text) => text,
            // Answered by the protocol's own layer; after a close, the next read ends.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => return Ok(()),
            Message::Binary(_) => return Err(NOT_UNDERSTOOD),
        };
        match serde_json::from_str(&text).map_err(|_| NOT_UNDERSTOOD)? {
            Asked::Ping => self.say(Said::Pong).await,
            Asked::Auth { token } => {
                let claims = self.sync.claims(&token).ok_or(NO_TOKEN)?;
                // A socket belongs to one user: another's changes must not follow on it.
                if self.user.is_some_and(|(user, _)| user != claims.sub) {
                    return Err(NO_TOKEN);
                }
                self.welcome(claims).await
            }
            Asked::Subscribe { last_event_id } => {
                let (user, _) = self.user.ok_or(NO_TOKEN)?;
                self.subscribe(user, last_event_id).await
            }
        }
    }

    /// Takes a token: the socket is good until it expires.
    async fn welcome(&mut self, claims: Claims) -> Result<(), End> {
        self.user = Some((claims.sub, Instant::now() + claims.left()));
        let expires_at = i64::try_from(claims.exp).unwrap_or(i64::MAX);
        let expires_at = DateTime::from_timestamp(expires_at, 0);
        let expires_at = expires_at.unwrap_or(DateTime::<Utc>::MAX_UTC);
        self.say(Said::Ready { expires_at }).await
    }

    async fn subscribe(&mut self, user: Uuid, last: Option<Uuid>) -> Result<(), End> {
        if self.subscription.is_some() {
            return Err(NOT_UNDERSTOOD);
        }
        // Before what was missed is read: nothing falls between.
        let subscription = self.sync.hub.subscribe(user).ok_or(TOO_MANY)?;
        self.subscription = Some(subscription);
        let missed = self.sync.missed(user, last).await.map_err(|error| {
            tracing::warn!(%error, "what a device missed cannot be read now");
            BROKEN
        })?;
        self.say(Said::Subscribed).await?;
        match missed {
            Some(events) => {
                for event in &events {
                    self.say(Said::from(&event.0)).await?;
                }
                Ok(())
            }
            None => self.say(Said::Gap).await,
        }
    }

    async fn tell(&mut self, told: Told) -> Result<(), End> {
        match told {
            Told::Change(event) => self.say(Said::from(&*event)).await,
            Told::Gap { slow } => {
                self.say(Said::Gap).await?;
                if slow { Err(TOO_SLOW) } else { Ok(()) }
            }
        }
    }

    async fn say(&mut self, said: Said<'_>) -> Result<(), End> {
        // Who takes a long replay slowly does not outlive its token.
        if self
            .user
            .is_some_and(|(_, expires)| expires <= Instant::now())
        {
            return Err(EXPIRED);
        }
        let text = said.text().map_err(|error| {
            tracing::error!(%error, "a message cannot be written");
            BROKEN
        })?;
        self.send(text).await
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(SEND, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }
}
