//! A client's HTTP/1.1, followed byte by byte before anybody else reads it: where one request ends and the next
//! begins must not depend on who reads it, or a request could be hidden in another one ("request smuggling").
//!
//! The parser that makes requests of the bytes (hyper's) takes some things that RFC 9112 lets a server take, as a
//! line that ends with a bare LF. Whoever stands before or behind this proxy may understand those in another way.
//! Here they are refused, with 400 and the end of the connection.

mod chunked;
mod fault;
pub(crate) mod follower;
mod head;
mod io;

pub(crate) use fault::Fault;
pub(crate) use io::Strict;
