//! Settings of libgit2 that hold for the whole process.

use std::sync::Once;

/// Makes libgit2 fit for a container: call it before any repository is opened.
///
/// Tasks run as any uid, so the owner of a repository says nothing; and no configuration of the machine or of HOME is read,
/// where it could change what is checked out.
pub fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        use git2::ConfigLevel::{Global, ProgramData, System, XDG};
        // Objects are checked as they arrive; checking them again at every read is more than git itself does.
        git2::opts::strict_hash_verification(false);
        git2::opts::strict_object_creation(false);
        for level in [ProgramData, System, XDG, Global] {
            #[expect(
                unsafe_code,
                reason = "libgit2 keeps this setting in a global; nothing else touches it yet"
            )]
            // A level that cannot be set has no search path on this platform.
            let _ = unsafe { git2::opts::set_search_path(level, "") };
        }
        #[expect(
            unsafe_code,
            reason = "libgit2 keeps this setting in a global; nothing else touches it yet"
        )]
        // The call fails only for want of memory; then opening a repository says so.
        let _ = unsafe { git2::opts::set_verify_owner_validation(false) };
    });
}
