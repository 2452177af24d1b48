//! Messages on a Unix stream socket: length, JSON, descriptors.
