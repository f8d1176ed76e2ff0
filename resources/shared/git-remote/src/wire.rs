//! What all transports have in common: an advertisement, then requests and answers.

use std::io::{BufRead, Write};
use std::time::SystemTime;

use crate::error::Result;

/// What is asked for on the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    UploadPack,
    ReceivePack,
}

impl Service {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
        }
    }
}

/// The body of a request.
pub(crate) enum Body<'a> {
    /// Small, and safe to send twice.
    Whole(Vec<u8>),
    /// Of any size, sent as it is written.
    Written(&'a mut dyn FnMut(&mut dyn Write) -> Result<()>),
}

/// A transport. The answers are read to their end before the next request.
pub(crate) trait Wire: Send {
    /// Connects, and reads what the service says of itself.
    fn advertise(&mut self, service: Service, version_2: bool) -> Result<Box<dyn BufRead + Send + '_>>;

    /// Sends a request, and reads its answer.
    fn request(
        &mut self,
        service: Service,
        version_2: bool,
        body: Body<'_>,
    ) -> Result<Box<dyn BufRead + Send + '_>>;

    /// What time it was on the other side when it last answered, where it says so.
    fn server_time(&self) -> Option<SystemTime> {
        None
    }
}
