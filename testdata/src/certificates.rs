//! A certificate authority, one server's certificate and one client's, for servers on the loopback interface.
//!
//! In: the names of authority and server, and the names and addresses by which the server may be called. Out: texts in PEM.
//! The authority's key is forgotten: nothing else is ever signed with it.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

/// What was issued, as PEM.
pub(crate) struct Issued {
    /// The certificate authority.
    pub(crate) authority: String,
    /// The server's certificate, signed by the authority.
    pub(crate) certificate: String,
    /// The server's key.
    pub(crate) key: String,
    /// A client's certificate, signed by the same authority.
    pub(crate) client_certificate: String,
    /// The client's key.
    pub(crate) client_key: String,
}

/// What a client is called.
const CLIENT: &str = "client of tests";

/// Makes an authority, and a certificate of it for the server that is called by `names`.
pub(crate) fn issue(authority_name: &str, server_name: &str, names: &[&str]) -> Result<Issued, rcgen::Error> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.distinguished_name.push(DnType::CommonName, authority_name);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority_key = KeyPair::generate()?;
    let authority_pem = authority.self_signed(&authority_key)?.pem();

    let mut server = CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())?;
    server.distinguished_name.push(DnType::CommonName, server_name);
    server.use_authority_key_identifier_extension = true;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let issuer = Issuer::from_params(&authority, &authority_key);
    let server_key = KeyPair::generate()?;
    let certificate = server.signed_by(&server_key, &issuer)?.pem();

    let mut client = CertificateParams::new(Vec::new())?;
    client.distinguished_name.push(DnType::CommonName, CLIENT);
    client.use_authority_key_identifier_extension = true;
    client.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let client_key = KeyPair::generate()?;
    let client_certificate = client.signed_by(&client_key, &issuer)?.pem();
    Ok(Issued {
        authority: authority_pem,
        certificate,
        key: server_key.serialize_pem(),
        client_certificate,
        client_key: client_key.serialize_pem(),
    })
}
