//! The TLS provider of the process.

/// Makes *ring* the provider of rustls, once for the process; HTTP clients need one, also those that
/// only speak plain HTTP.
pub fn install_provider() {
    // Another thread, or another library, was first: it is the same provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
