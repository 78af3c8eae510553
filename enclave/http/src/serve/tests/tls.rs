//! TLS: who is let in, what is negotiated, what is refused.

use rcgen::{
    BasicConstraints, IsCa, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P521_SHA512, PKCS_ED25519, PKCS_RSA_SHA256,
};
use rustls::{
    CipherSuite, HandshakeKind, NamedGroup, ProtocolVersion, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs::kx_group},
    version::{TLS12, TLS13},
};

use super::*;

/// One request by `client`; its status.
async fn ask(client: &mut Client) -> u16 {
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    read_replies(client, 1).await[0].status
}

#[tokio::test]
async fn clients_are_known_by_the_certificate_they_prove() {
    let fixture = Fixture::new(|_| {});
    let authority = |params: &mut CertificateParams| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let expired = |params: &mut CertificateParams| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    };
    let identities = [
        ("P-256", Identity::new(&PKCS_ECDSA_P256_SHA256, |_| {})),
        ("P-384", Identity::new(&PKCS_ECDSA_P384_SHA384, |_| {})),
        ("P-521", Identity::new(&PKCS_ECDSA_P521_SHA512, |_| {})),
        ("Ed25519", Identity::new(&PKCS_ED25519, |_| {})),
        ("RSA", Identity::new(&PKCS_RSA_SHA256, |_| {})),
        ("authority", Identity::new(&PKCS_ECDSA_P384_SHA384, authority)),
        ("expired", Identity::new(&PKCS_ECDSA_P384_SHA384, expired)),
    ];
    for (name, identity) in &identities {
        for versions in [&[&TLS12][..], &[&TLS13]] {
            let mut config = client_config(Some(identity), &[]);
            config = with_versions(&config, versions, Some(identity));
            let mut client =
                fixture.connect_as(config).await.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(ask(&mut client).await, 200, "{name}");
            let seen = fixture.echo.certificates.lock().unwrap().pop().unwrap();
            assert_eq!(seen, Some(identity.certificate.len()), "{name}");
        }
    }
    ask(&mut fixture.connect().await).await;
    assert_eq!(fixture.echo.certificates.lock().unwrap().pop(), Some(None));
}

fn with_versions(
    config: &ClientConfig,
    versions: &[&'static SupportedProtocolVersion],
    identity: Option<&Identity>,
) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(Arc::clone(config.crypto_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer));
    match identity {
        Some(Identity { certificate, key }) => {
            builder.with_client_auth_cert(vec![certificate.clone()], key.clone_key()).unwrap()
        }
        None => builder.with_no_client_auth(),
    }
}

#[tokio::test]
async fn a_certificate_of_another_key_is_refused() {
    let fixture = Fixture::new(|_| {});
    for versions in [&[&TLS12][..], &[&TLS13]] {
        let (mut one, other) =
            (Identity::new(&PKCS_ECDSA_P384_SHA384, |_| {}), Identity::new(&PKCS_ECDSA_P384_SHA384, |_| {}));
        one.key = other.key;
        // The client's library would notice: give it the key without the check.
        let key = aws_lc_rs::sign::any_supported_type(&one.key).unwrap();
        let stolen = rustls::sign::CertifiedKey::new(vec![one.certificate.clone()], key);
        let mut config = with_versions(&client_config(None, &[]), versions, None);
        config.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(stolen));
        // By TLS 1.3 the client believes in the connection before it hears of the refusal.
        if let Ok(mut client) = fixture.connect_as(config).await {
            let _ = client.write_all(b"GET / HTTP/1.1\r\n\r\n").await;
            assert!(client.read_u8().await.is_err());
        }
    }
    assert_eq!(fixture.echo.requests(), 0);
}

#[tokio::test]
async fn groups_and_versions_are_negotiated() {
    let fixture = Fixture::new(|_| {});
    let groups = [
        (kx_group::X25519MLKEM768, NamedGroup::X25519MLKEM768),
        (kx_group::X25519, NamedGroup::X25519),
        (kx_group::SECP384R1, NamedGroup::secp384r1),
        (kx_group::SECP256R1, NamedGroup::secp256r1),
    ];
    for (group, name) in groups {
        let provider = CryptoProvider { kx_groups: vec![group], ..aws_lc_rs::default_provider() };
        let config = client_config_of(provider);
        let client = fixture.connect_as(config).await.unwrap();
        assert_eq!(client.get_ref().1.negotiated_key_exchange_group().unwrap().name(), name);
    }
    let client = fixture.connect().await;
    let state = client.get_ref().1;
    assert_eq!(state.negotiated_key_exchange_group().unwrap().name(), NamedGroup::X25519MLKEM768);
    assert_eq!(state.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    let mut old =
        fixture.connect_as(with_versions(&client_config(None, &[]), &[&TLS12], None)).await.unwrap();
    assert_eq!(old.get_ref().1.protocol_version(), Some(ProtocolVersion::TLSv1_2));
    assert_eq!(ask(&mut old).await, 200);
}

fn client_config_of(provider: CryptoProvider) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer))
        .with_no_client_auth()
}

#[tokio::test]
async fn other_suites_are_refused() {
    let fixture = Fixture::new(|_| {});
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|suite| suite.suite() == CipherSuite::TLS13_CHACHA20_POLY1305_SHA256);
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer))
        .with_no_client_auth();
    assert!(fixture.connect_as(config).await.is_err());
}

#[tokio::test]
async fn the_protocol_follows_from_what_is_offered() {
    let http1 = Fixture::new(|_| {});
    let http2 = Fixture::new(|settings| settings.protocol = AppProtocol::Http2);
    type Case<'a> = (&'a Fixture, &'a [&'a [u8]], Result<Option<&'a [u8]>, ()>);
    let cases: [Case<'_>; 8] = [
        (&http1, &[], Ok(None)),
        (&http1, &[b"http/1.1"], Ok(Some(b"http/1.1"))),
        (&http1, &[b"h2", b"http/1.1"], Ok(Some(b"http/1.1"))),
        (&http1, &[b"h2"], Ok(Some(b"h2"))),
        (&http1, &[b"spdy/1"], Err(())),
        (&http2, &[b"h2", b"http/1.1"], Ok(Some(b"h2"))),
        (&http2, &[b"http/1.1"], Ok(Some(b"http/1.1"))),
        (&http1, &[b"http/1.0"], Ok(Some(b"http/1.0"))),
    ];
    for (fixture, offered, expected) in cases {
        let connected = fixture.connect_as(client_config(None, offered)).await;
        let got = connected.as_ref().map(|client| client.get_ref().1.alpn_protocol()).map_err(|_| ());
        assert_eq!(got, expected, "{offered:?}");
    }
}

#[tokio::test]
async fn sessions_are_never_resumed_and_certificates_change_at_once() {
    let fixture = Fixture::new(|_| {});
    for versions in [&[&TLS12][..], &[&TLS13]] {
        let config = with_versions(&client_config(None, &[]), versions, None);
        let mut shown = Vec::new();
        for name in ["second", "third"] {
            let mut client = fixture.connect_as(config.clone()).await.unwrap();
            assert_eq!(ask(&mut client).await, 200);
            let state = client.get_ref().1;
            assert_ne!(state.handshake_kind(), Some(HandshakeKind::Resumed));
            shown.push(state.peer_certificates().unwrap()[0].clone());
            install(&fixture.certificate, name);
        }
        assert_ne!(shown[0], shown[1]);
    }
}

#[tokio::test]
async fn what_is_not_tls_is_dropped() {
    let fixture = Fixture::new(|_| {});
    let cases: [&[u8]; 8] = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00\x00\x00\x00\x00\x00\x00\x00",
        b"\x16\x03\x01\xff\xff\x01\x00\x00\x00\x00",
        b"\x16\x03\x01\x00\x04\x01\x00\x00\x00\x16\x03\x01",
        b"\x16\x02\x00\x00\x01\x01",
        b"\x17\x03\x03\x00\x01\x00",
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"\x16\x03\x01\x00\x05\x01\xff\xff\xff\xff",
    ];
    for bytes in cases {
        let (mut near, task) = fixture.open();
        near.write_all(bytes).await.unwrap();
        near.shutdown().await.unwrap();
        let mut answer = Vec::new();
        near.read_to_end(&mut answer).await.unwrap();
        assert!(answer.is_empty() || answer[0] == 21, "only an alert: {answer:x?}");
        task.await.unwrap();
    }
    assert_eq!(fixture.interface.metrics.sessions.active(), 0);
    assert_eq!(ask(&mut fixture.connect().await).await, 200);
}
