//! From text to sections: every table of the file held against its key table, every value read as what its
//! key takes. What is wrong is noted and reading goes on, so that all of it is found at once.

mod read;
mod section;
mod syntax;
mod unknown;
mod value;
mod wrong;

pub(crate) use read::read;
pub(crate) use section::{Section, Written};
pub(crate) use value::{CommandText, Value};
pub(crate) use wrong::wanted;
