//! WebSockets of the sync service, over the loopback interface.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{body::Body, http::Request};
use domain::event::Event;
use futures::{SinkExt as _, StreamExt as _};
use runtime::auth::Keys;
use serde_json::{Value, json};
use services::{consumer::Consumer, sync::Sync};
use store::Store;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest as _, handshake::client::Response},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::support::{create, events, eventually, task, user};

/// Two replicas of the service on one database.
struct World {
    pool: Store,
    keys: Keys,
    stop: CancellationToken,
    replicas: Vec<(Sync, SocketAddr)>,
}

impl World {
    async fn start() -> Self {
        let pool = store::testing::database().await;
        let keys = Keys::new(&[3; 32]).unwrap();
        let stop = CancellationToken::new();
        let mut replicas = Vec::new();
        for _ in 0..2 {
            let sync = Sync::new(pool.pool().clone(), keys.clone(), stop.clone());
            tokio::spawn(sync.clone().listen());
            let listener = TcpSocket::new_v4().unwrap();
            // Its sockets have it from the listener: a few messages fill it.
            listener.set_send_buffer_size(4096).unwrap();
            listener.bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let listener = listener.listen(1024).unwrap();
            let address = listener.local_addr().unwrap();
            let router = sync.router();
            tokio::spawn(async move { axum::serve(listener, router).await });
            replicas.push((sync, address));
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        Self {
            pool,
            keys,
            stop,
            replicas,
        }
    }

    fn token(&self, user: Uuid) -> String {
        self.keys.issue(user, None).unwrap()
    }

    /// A token that is valid for some seconds.
    fn short(&self, user: Uuid, seconds: u64) -> String {
        let keys = self.keys.clone().lasting(Duration::from_secs(seconds));
        keys.issue(user, None).unwrap()
    }

    /// Brings all notices that were written so far to the consumer, at this replica.
    async fn publish(&self, replica: usize) -> Vec<Event> {
        let events = events(&self.pool, "task-updates").await;
        self.replicas[replica].0.handle(&events).await.unwrap();
        events
    }

    async fn connect(&self, replica: usize, token: Option<&str>) -> Socket {
        let (socket, _) = self.try_connect(replica, token, None).await.unwrap();
        socket
    }

    async fn try_connect(
        &self,
        replica: usize,
        token: Option<&str>,
        buffer: Option<u32>,
    ) -> Result<(Socket, Response), Error> {
        let address = self.replicas[replica].1;
        let mut request = format!("ws://{address}/v1/ws").into_client_request()?;
        if let Some(token) = token {
            let value = format!("Bearer {token}").parse().unwrap();
            request.headers_mut().insert("authorization", value);
        }
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = buffer {
            socket.set_recv_buffer_size(bytes).unwrap();
        }
        let stream = socket.connect(address).await.unwrap();
        let (socket, response) = client_async(request, stream).await?;
        Ok((Socket(socket), response))
    }

    /// A device that was shown a token and is told of changes.
    async fn subscribed(&self, replica: usize, user: Uuid) -> Socket {
        let mut socket = self.connect(replica, Some(&self.token(user))).await;
        socket.expect("ready").await;
        socket.say(json!({ "type": "subscribe" })).await;
        socket.expect("subscribed").await;
        socket
    }
}

struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    async fn say(&mut self, message: Value) {
        self.0
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
    }

    /// The next message, or the code that the socket is closed with.
    async fn next(&mut self) -> Result<Value, u16> {
        loop {
            let message = tokio::time::timeout(Duration::from_secs(20), self.0.next()).await;
            match message.expect("a message within 20 s") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(Some(frame)))) => return Err(frame.code.into()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    #[track_caller]
    fn expect(&mut self, kind: &'static str) -> impl Future<Output = Value> {
        let place = std::panic::Location::caller();
        async move {
            let message = self.next().await;
            let message = message.unwrap_or_else(|code| panic!("{place}: closed with {code}"));
            assert_eq!(message["type"], kind, "{place}: {message}");
            message
        }
    }

    /// Whether nothing comes for a while.
    async fn is_quiet(&mut self) -> bool {
        let wait = Duration::from_millis(500);
        tokio::time::timeout(wait, self.0.next()).await.is_err()
    }

    /// The code that the socket is closed with; what is told before is passed over.
    async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }
}

#[tokio::test]
async fn changes_reach_their_users_sockets_at_every_replica_and_nobody_else() {
    let world = World::start().await;
    let (mine, theirs) = (user(&world.pool).await, user(&world.pool).await);
    let mut near = world.subscribed(0, mine).await;
    let mut far = world.subscribed(1, mine).await;
    let mut other = world.subscribed(1, theirs).await;
    let first = task(mine, &[]);
    create(&world.pool, &first).await;
    let events = world.publish(0).await;
    for socket in [&mut near, &mut far] {
        let change = socket.expect("change").await;
        assert_eq!(change["event"], "task.created");
        assert_eq!(change["data"]["taskId"], first.id.to_string());
        assert_eq!(change["data"]["version"], 1);
        assert_eq!(change["id"], events[0].id.to_string());
        assert!(socket.is_quiet().await);
    }
    assert!(other.is_quiet().await);
    near.say(json!({ "type": "ping" })).await;
    near.expect("pong").await;
    // The protocol's own ping, too.
    near.0.send(Message::Ping("x".into())).await.unwrap();
    let pong = near.0.next().await.unwrap().unwrap();
    assert_eq!(pong, Message::Pong("x".into()));
    world.stop.cancel();
    for socket in [&mut near, &mut far, &mut other] {
        assert_eq!(socket.closed().await, 1001);
    }
}

#[tokio::test]
async fn a_browser_shows_its_token_in_the_first_message() {
    let world = World::start().await;
    let user = user(&world.pool).await;
    let mut socket = world.connect(0, None).await;
    socket
        .say(json!({ "type": "auth", "token": world.token(user) }))
        .await;
    let ready = socket.expect("ready").await;
    assert!(ready["expiresAt"].is_string(), "{ready}");
    socket.say(json!({ "type": "subscribe" })).await;
    socket.expect("subscribed").await;

    let refused = world.try_connect(0, Some("x.y.z"), None).await;
    assert!(matches!(refused, Err(Error::Http(answer)) if answer.status() == 401));
    for (messages, code) in [
        (vec![json!({ "type": "auth", "token": "x.y.z" })], 4401),
        (vec![json!({ "type": "subscribe" })], 4401),
        (vec![json!({ "type": "unheard" })], 4400),
        (vec![json!({ "type": "ping" }); 31], 4429),
    ] {
        let mut socket = world.connect(0, None).await;
        for message in &messages {
            socket.say(message.clone()).await;
        }
        assert_eq!(socket.closed().await, code, "{messages:?}");
    }
    let mut socket = world.connect(0, None).await;
    socket.0.send(Message::binary(vec![1])).await.unwrap();
    assert_eq!(socket.closed().await, 4400);
}

#[tokio::test]
async fn what_cannot_be_read_ends_the_socket_and_says_so() {
    let world = World::start().await;
    let token = world.token(user(&world.pool).await);
    let large = "x".repeat(5000);
    for text in [large.as_str(), "", "no JSON", "[]", r#"{"type":"auth"}"#] {
        let mut socket = world.connect(0, Some(&token)).await;
        socket.expect("ready").await;
        socket.0.send(Message::text(text)).await.unwrap();
        assert_eq!(socket.closed().await, 4400, "{text:.20}");
    }
    // Frames that a client must not send: RFC 6455 §5.1, §5.2, §5.6, and the length of one that never comes.
    for frame in [
        &[0x81, 0x01, b'x'][..],
        &[0x83, 0x80, 0, 0, 0, 0],
        &[0xf1, 0x80, 0, 0, 0, 0],
        &[0x81, 0x81, 0, 0, 0, 0, 0xff],
        &[
            0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
        ],
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut socket = world.connect(0, Some(&token)).await;
        socket.expect("ready").await;
        socket.0.get_mut().write_all(frame).await.unwrap();
        assert_eq!(socket.closed().await, 4400, "{frame:x?}");
    }
}

#[tokio::test]
async fn a_request_for_no_socket_is_told_so_and_a_close_is_answered() {
    let world = World::start().await;
    let request = Request::get("/v1/ws").body(Body::empty()).unwrap();
    let answer = world.replicas[0].0.router().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 400);
    let kind = &answer.headers()["content-type"];
    assert_eq!(kind, "application/problem+json");

    let mut socket = world.subscribed(0, user(&world.pool).await).await;
    socket.0.close(None).await.unwrap();
    let answer = socket.0.next().await;
    assert!(
        matches!(answer, Some(Ok(Message::Close(None)))),
        "{answer:?}"
    );
    assert!(socket.0.next().await.is_none());
}

#[tokio::test]
async fn who_asks_for_nothing_does_not_stay() {
    let world = World::start().await;
    let user = user(&world.pool).await;
    let mut strange = world.connect(0, None).await;
    let mut idle = world.connect(0, Some(&world.token(user))).await;
    idle.expect("ready").await;
    let mut told = world.subscribed(0, user).await;
    assert_eq!(strange.closed().await, 4401);
    assert_eq!(idle.closed().await, 4400);
    told.say(json!({ "type": "ping" })).await;
    told.expect("pong").await;
}

#[tokio::test]
async fn a_socket_goes_on_with_a_new_token_and_ends_with_its_last() {
    let world = World::start().await;
    let (mine, theirs) = (user(&world.pool).await, user(&world.pool).await);
    let mut kept = world.connect(0, Some(&world.short(mine, 2))).await;
    let mut left = world.connect(0, Some(&world.short(mine, 2))).await;
    kept.expect("ready").await;
    left.expect("ready").await;
    kept.say(json!({ "type": "auth", "token": world.token(mine) }))
        .await;
    kept.expect("ready").await;
    assert_eq!(left.closed().await, 4401);
    kept.say(json!({ "type": "ping" })).await;
    kept.expect("pong").await;
    // It stays its user's.
    kept.say(json!({ "type": "auth", "token": world.token(theirs) }))
        .await;
    assert_eq!(kept.closed().await, 4401);
}

#[tokio::test]
async fn a_socket_that_comes_back_is_told_what_it_missed() {
    let world = World::start().await;
    let user = user(&world.pool).await;
    let tasks: Vec<_> = (0..3).map(|_| task(user, &[])).collect();
    let mut socket = world.subscribed(0, user).await;
    create(&world.pool, &tasks[0]).await;
    world.publish(0).await;
    let last = socket.expect("change").await["id"].clone();
    drop(socket);

    for task in &tasks[1..] {
        create(&world.pool, task).await;
    }
    // At the other replica, which has told it nothing yet.
    let mut socket = world.connect(1, Some(&world.token(user))).await;
    socket.expect("ready").await;
    socket
        .say(json!({ "type": "subscribe", "lastEventId": last }))
        .await;
    socket.expect("subscribed").await;
    for task in &tasks[1..] {
        let change = socket.expect("change").await;
        assert_eq!(change["data"]["taskId"], task.id.to_string());
    }

    let mut socket = world.connect(0, Some(&world.token(user))).await;
    socket.expect("ready").await;
    let unknown = json!({ "type": "subscribe", "lastEventId": Uuid::new_v4() });
    socket.say(unknown).await;
    socket.expect("subscribed").await;
    socket.expect("gap").await;
}

/// Notices of a user, each so large that few fill a connection.
fn notices(owner: Uuid, count: usize) -> Vec<Event> {
    let data = json!({ "taskId": Uuid::nil(), "version": 1, "padding": "x".repeat(1000) });
    let event = |_| {
        let kind = domain::event::EventType::TaskUpdated;
        let (id, time) = (Uuid::now_v7(), chrono::Utc::now());
        Event::new(id, kind, "t", Some(owner), time, data.clone())
    };
    (0..count).map(event).collect()
}

#[tokio::test]
async fn who_reads_too_slowly_is_told_and_dropped_while_others_go_on() {
    let world = World::start().await;
    let user = user(&world.pool).await;
    let token = world.token(user);
    // Its system takes little that it does not read.
    let (mut slow, _) = world
        .try_connect(0, Some(&token), Some(4096))
        .await
        .unwrap();
    slow.expect("ready").await;
    slow.say(json!({ "type": "subscribe" })).await;
    slow.expect("subscribed").await;
    let mut quick = world.subscribed(0, user).await;
    const COUNT: usize = 1300;
    let got = Arc::new(AtomicUsize::new(0));
    let counted = got.clone();
    let told = tokio::spawn(async move {
        for _ in 0..COUNT {
            quick.expect("change").await;
            counted.fetch_add(1, Ordering::Relaxed);
        }
        quick
    });
    for (n, batch) in notices(user, COUNT).chunks(100).enumerate() {
        world.replicas[0].0.handle(batch).await.unwrap();
        eventually("the quick one is told", async || {
            got.load(Ordering::Relaxed) >= n * 100 + batch.len()
        })
        .await;
    }
    let mut quick = told.await.unwrap();
    let (mut changes, mut gaps) = (0, 0);
    let code = loop {
        match slow.next().await {
            Ok(message) if message["type"] == "change" => changes += 1,
            Ok(message) => {
                assert_eq!(message["type"], "gap");
                gaps += 1;
            }
            Err(code) => break code,
        }
    };
    assert_eq!((code, gaps), (4408, 1));
    assert!(changes < COUNT, "{changes}");
    quick.say(json!({ "type": "ping" })).await;
    quick.expect("pong").await;
}

#[tokio::test]
async fn a_user_has_so_many_sockets_at_a_replica() {
    let world = World::start().await;
    let user = user(&world.pool).await;
    let mut sockets = Vec::new();
    for _ in 0..50 {
        sockets.push(world.subscribed(0, user).await);
    }
    let mut one_more = world.connect(0, Some(&world.token(user))).await;
    one_more.expect("ready").await;
    one_more.say(json!({ "type": "subscribe" })).await;
    assert_eq!(one_more.closed().await, 4429);
    world.subscribed(1, user).await;
    drop(sockets.pop());
    // The end is seen soon, not at once.
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let mut again = world.connect(0, Some(&world.token(user))).await;
        again.expect("ready").await;
        again.say(json!({ "type": "subscribe" })).await;
        if again.next().await.is_ok() {
            return;
        }
    }
    panic!("a socket that ended still takes its place");
}
