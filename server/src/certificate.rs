//! The server's certificate: the one that was configured, or one of its own that is made at the first start.

use crate::config::{CertificateFiles, Config};
use relay::seal::{Fingerprint, server_config};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const CHAIN: &str = "certificate.pem";
const KEY: &str = "certificate.key.pem";

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read or written.
    #[error("{} cannot be {what}: {error}; give the user that runs komado-server the right to it", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// "read" or "written".
        what: &'static str,
        /// Why.
        error: std::io::Error,
    },
    /// A file is not PEM, or holds something else.
    #[error("{} holds no usable {expected}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        expected: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Key and certificate do not fit, or rustls refuses them.
    #[error("the certificate {} and the key {} cannot be used together: {reason}; were they renewed both?", chain.display(), key.display())]
    Mismatch {
        /// The chain's file.
        chain: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What rustls says.
        reason: String,
    },
    /// No certificate could be made.
    #[error("no certificate can be made for the names {names:?}: {reason}")]
    Making {
        /// The names asked for.
        names: Vec<String>,
        /// What is wrong.
        reason: String,
    },
}

/// Certificate and key, ready for use.
pub struct Certificate {
    /// For https, with ALPN for HTTP/2 and HTTP/1.1.
    pub tls: Arc<ServerConfig>,
    /// For handshakes inside HTTP bodies.
    pub seal: Arc<ServerConfig>,
    /// What a client pins.
    pub fingerprint: Fingerprint,
    /// Whether the server made it itself.
    pub own: bool,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

impl Certificate {
    /// Loads the configured certificate, or the server's own, making it first if there is none.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn obtain(config: &Config) -> Result<Self, CertificateError> {
        match &config.certificate {
            Some(files) => Self::load(files, false),
            None => {
                let files = CertificateFiles { chain: config.data.join(CHAIN), key: config.data.join(KEY) };
                if !files.chain.exists() || !files.key.exists() {
                    make(&files, &config.names)?;
                }
                Self::load(&files, true)
            }
        }
    }

    fn load(files: &CertificateFiles, own: bool) -> Result<Self, CertificateError> {
        let chain = read(&files.chain)?;
        let key = read(&files.key)?;
        let malformed = |path: &Path, expected, reason: String| CertificateError::Malformed {
            path: path.to_owned(),
            expected,
            reason,
        };
        let chain = CertificateDer::pem_slice_iter(&chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| malformed(&files.chain, "certificate", error.to_string()))?;
        let Some(first) = chain.first() else {
            return Err(malformed(
                &files.chain,
                "certificate",
                "no block begins with -----BEGIN CERTIFICATE-----".to_owned(),
            ));
        };
        let fingerprint = Fingerprint::of(first);
        let key = PrivateKeyDer::from_pem_slice(&key)
            .map_err(|error| malformed(&files.key, "private key", error.to_string()))?;
        let mismatch =
            |reason: String| CertificateError::Mismatch { chain: files.chain.clone(), key: files.key.clone(), reason };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| mismatch(error.to_string()))?
            .with_no_client_auth()
            .with_single_cert(chain.clone(), key.clone_key())
            .map_err(|error| mismatch(error.to_string()))?;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let seal = server_config(chain, key).map_err(|error| mismatch(error.to_string()))?;
        Ok(Self { tls: Arc::new(tls), seal, fingerprint, own })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    std::fs::read(path).map_err(|error| CertificateError::File { path: path.to_owned(), what: "read", error })
}

/// Makes a key that only the owner may read, and a certificate that it signs itself.
fn make(files: &CertificateFiles, names: &[String]) -> Result<(), CertificateError> {
    let made = rcgen::generate_simple_self_signed(names.to_vec())
        .map_err(|error| CertificateError::Making { names: names.to_vec(), reason: error.to_string() })?;
    write(&files.key, made.signing_key.serialize_pem().as_bytes())?;
    write(&files.chain, made.cert.pem().as_bytes())
}

/// Writes a file beside its place first, so that no start ever finds half of one.
fn write(path: &Path, content: &[u8]) -> Result<(), CertificateError> {
    let unwritable = |error| CertificateError::File { path: path.to_owned(), what: "written", error };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(unwritable)?;
    }
    let draft = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft).map_err(unwritable)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(unwritable)?;
    std::fs::rename(&draft, path).map_err(unwritable)
}

/// The fingerprint as people compare it: pairs of capital digits with colons, as browsers show it.
pub fn spelled(fingerprint: Fingerprint) -> String {
    let pairs: Vec<String> = fingerprint.0.iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::in_folder(folder.path().join("data"));
        let first = Certificate::obtain(&config).unwrap();
        let again = Certificate::obtain(&config).unwrap();
        assert!(first.own && first.fingerprint == again.fingerprint);
        assert_eq!(spelled(first.fingerprint).parse(), Ok(first.fingerprint));
        #[cfg(unix)]
        {
            let mode = std::fs::metadata(config.data.join(KEY)).unwrap().permissions();
            assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
        }
    }

    #[test]
    fn what_is_wrong_with_a_certificate_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::in_folder(folder.path());
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        for data in [&one, &other] {
            Certificate::obtain(&Config::in_folder(data)).unwrap();
        }
        let mut attempt = |chain: PathBuf, key: PathBuf| {
            config.certificate = Some(CertificateFiles { chain, key });
            Certificate::obtain(&config).unwrap_err()
        };
        let error = attempt(one.join(CHAIN), other.join(KEY));
        assert!(matches!(error, CertificateError::Mismatch { .. }), "{error}");
        let error = attempt(one.join("nothing"), one.join(KEY));
        assert!(matches!(error, CertificateError::File { .. }), "{error}");
        let error = attempt(one.join(KEY), one.join(KEY));
        assert!(error.to_string().contains("BEGIN CERTIFICATE"), "{error}");
        let error = attempt(one.join(CHAIN), one.join(CHAIN));
        assert!(error.to_string().contains("private key"), "{error}");
    }
}
