//! The floor: a reverse proxy that checks nothing, on the HTTP library and runtime of the enforcer.
//!
//! It reads a request whole, sends it on over a connection that it keeps, reads the answer whole and passes it
//! back. Its pool is a stack of idle connections: nothing leaner forwards a request on this library.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Builder;

use crate::serve;

/// Idle connections to the upstream.
struct Pool {
    upstream: SocketAddr,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

/// Serves as many threads as the machine has cores, as the enforcer does.
pub(crate) fn run(upstream: SocketAddr, ready: &Path) {
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let pool = Arc::new(Pool {
        upstream,
        idle: Mutex::default(),
    });
    serve::until_input_ends(&runtime, ready, move |request| {
        let pool = Arc::clone(&pool);
        async move { pool.forward(request).await }
    });
}

impl Pool {
    async fn forward(&self, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let mut sender = self.take().await?;
        let request = Request::from_parts(parts, Full::new(body));
        let answer = sender.send_request(request).await;
        let (parts, body) = answer.map_err(io::Error::other)?.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        self.idle.lock().unwrap().push(sender);
        Ok(Response::from_parts(parts, Full::new(body)))
    }

    async fn take(&self) -> io::Result<SendRequest<Full<Bytes>>> {
        loop {
            let Some(mut idle) = self.idle.lock().unwrap().pop() else {
                break;
            };
            if idle.ready().await.is_ok() {
                return Ok(idle);
            }
        }
        let stream = TcpStream::connect(self.upstream).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        drop(tokio::spawn(connection));
        Ok(sender)
    }
}
