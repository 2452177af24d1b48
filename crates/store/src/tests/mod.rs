//! The journal as a whole, on real files.

mod damage;
mod folding;
mod full_disk;
mod killed;
mod reopening;
mod samples;
mod speed;
mod torn;
mod versions;
