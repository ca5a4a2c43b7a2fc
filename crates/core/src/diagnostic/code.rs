//! Lists the stable names of all problems.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($code:ident => $name:literal,)+) => {
        /// A kind of problem, with a stable name for programs: lower case, words joined by `-`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "each is named after what is wrong")]
        pub enum Code { $($code),+ }

        impl Code {
            /// All codes, sorted by name.
            pub const ALL: &[Self] = &[$(Self::$code),+];

            /// The name that programs see.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$code => $name),+ }
            }
        }
    };
}

codes! {
    AnotherFingerprintKey => "another-fingerprint-key",
    AnotherFormat => "another-format",
    AnotherRecipient => "another-recipient",
    AuthDisagrees => "auth-disagrees",
    AuthNotBase64 => "auth-not-base64",
    AuthNotUtf8 => "auth-not-utf-8",
    AuthWithoutColon => "auth-without-colon",
    Busy => "busy",
    CertificateByAddress => "certificate-by-address",
    CertificateDamaged => "certificate-damaged",
    CertificateEndsSoon => "certificate-ends-soon",
    CertificateExpired => "certificate-expired",
    CertificateForeign => "certificate-foreign",
    CertificateNotRsa => "certificate-not-rsa",
    CertificateNotYetValid => "certificate-not-yet-valid",
    CertificateOlder => "certificate-older",
    CertificateWeak => "certificate-weak",
    CertificatesUnrelated => "certificates-unrelated",
    ClusterForbids => "cluster-forbids",
    ClusterGone => "cluster-gone",
    ClusterLogin => "cluster-login",
    ClusterRefuses => "cluster-refuses",
    ClusterTimeout => "cluster-timeout",
    ClusterUnreachable => "cluster-unreachable",
    Conflict => "conflict",
    ControllerNotFound => "controller-not-found",
    ControllerNotRunning => "controller-not-running",
    CredentialHelper => "credential-helper",
    DollarEscaped => "dollar-escaped",
    DollarExpanded => "dollar-expanded",
    EditedByHand => "edited-by-hand",
    Empty => "empty",
    EncodedTwice => "encoded-twice",
    Encrypted => "encrypted",
    EntryEmpty => "entry-empty",
    EntryNotAnObject => "entry-not-an-object",
    EntryNotText => "entry-not-text",
    Expired => "expired",
    Expires => "expires",
    FileConflict => "file-conflict",
    FileExists => "file-exists",
    FineGrainedToken => "fine-grained-token",
    FunctionCannotEncrypt => "function-cannot-encrypt",
    GeneratorOutOfReach => "generator-out-of-reach",
    GlobNotUnderstood => "glob-not-understood",
    GlobWithoutList => "glob-without-list",
    HelmfileReference => "helmfile-reference",
    HelperFailed => "helper-failed",
    IdentityToken => "identity-token",
    ImageWithoutDigest => "image-without-digest",
    ImpossibleCombination => "impossible-combination",
    InQuotes => "in-quotes",
    Interrupted => "interrupted",
    InvalidConfig => "invalid-config",
    InvalidDuration => "invalid-duration",
    InvalidFunctionConfig => "invalid-function-config",
    InvalidGlob => "invalid-glob",
    InvalidImage => "invalid-image",
    InvalidJson => "invalid-json",
    InvalidKubeconfig => "invalid-kubeconfig",
    InvalidList => "invalid-list",
    InvalidLock => "invalid-lock",
    InvalidLogin => "invalid-login",
    InvalidName => "invalid-name",
    InvalidNamespace => "invalid-namespace",
    InvalidPath => "invalid-path",
    InvalidRegistry => "invalid-registry",
    InvalidResourceList => "invalid-resource-list",
    InvalidTemplate => "invalid-template",
    InvalidYaml => "invalid-yaml",
    InvisibleCharacter => "invisible-character",
    IsADirectory => "is-a-directory",
    KustomizationMoves => "kustomization-moves",
    KustomizationRenames => "kustomization-renames",
    LockConflict => "lock-conflict",
    Manifest => "manifest",
    MeansNothing => "means-nothing",
    NamespaceLeftOut => "namespace-left-out",
    NamespaceNotServed => "namespace-not-served",
    NamespaceOfTheCluster => "namespace-of-the-cluster",
    NearMiss => "near-miss",
    NoAuths => "no-auths",
    NoCertificate => "no-certificate",
    NoContext => "no-context",
    NoExternal => "no-external",
    NoFingerprintKey => "no-fingerprint-key",
    NoKubeconfig => "no-kubeconfig",
    NoKubectl => "no-kubectl",
    NoLogins => "no-logins",
    NoNamespaces => "no-namespaces",
    NoPassword => "no-password",
    NoRegistries => "no-registries",
    NoSops => "no-sops",
    NoSopsRule => "no-sops-rule",
    NoStore => "no-store",
    NoSuchAccount => "no-such-account",
    NoSuchFile => "no-such-file",
    NoSuchNamespace => "no-such-namespace",
    NoUsername => "no-username",
    NotADirectory => "not-a-directory",
    NotADockerConfig => "not-a-docker-config",
    NotAFile => "not-a-file",
    NotAKey => "not-a-key",
    NotAList => "not-a-list",
    NotAllowed => "not-allowed",
    NotAnObject => "not-an-object",
    NotEditable => "not-editable",
    NotOurs => "not-ours",
    NotThePassword => "not-the-password",
    NotUtf8 => "not-utf-8",
    OnePullSecret => "one-pull-secret",
    PasswordWithControlCharacter => "password-with-control-character",
    PatcherReadsEverySecret => "patcher-reads-every-secret",
    Placeholder => "placeholder",
    PlaintextInGit => "plaintext-in-git",
    PlaintextInPackage => "plaintext-in-package",
    PrivateKey => "private-key",
    PullsByItsOwnCopy => "pulls-by-its-own-copy",
    RefreshTooSlow => "refresh-too-slow",
    RegistryAlias => "registry-alias",
    RegistryForAnImage => "registry-for-an-image",
    RegistryHardlyMatches => "registry-hardly-matches",
    ReplacesAnother => "replaces-another",
    SameFile => "same-file",
    SameName => "same-name",
    SameRecipient => "same-recipient",
    SealedClusterWide => "sealed-cluster-wide",
    SeveralLogins => "several-logins",
    ShortLived => "short-lived",
    SopsFailed => "sops-failed",
    SopsResult => "sops-result",
    SopsRule => "sops-rule",
    SopsRules => "sops-rules",
    SopsTimeout => "sops-timeout",
    SopsWarns => "sops-warns",
    SourceIsTarget => "source-is-target",
    StuckPod => "stuck-pod",
    TokenOfTheCli => "token-of-the-cli",
    TooLarge => "too-large",
    TooManyAliases => "too-many-aliases",
    TooManyClusters => "too-many-clusters",
    TrailingNewline => "trailing-newline",
    Unchangeable => "unchangeable",
    UnknownKind => "unknown-kind",
    UnknownPreset => "unknown-preset",
    UnknownRegistries => "unknown-registries",
    UnknownTemplate => "unknown-template",
    UnreadableFile => "unreadable-file",
    UnusableKey => "unusable-key",
    Unwritable => "unwritable",
    Usage => "usage",
    UserAndPassword => "user-and-password",
    UsernameWithColon => "username-with-colon",
    UsernameWithControlCharacter => "username-with-control-character",
    ValueForAName => "value-for-a-name",
    VariableEmpty => "variable-empty",
    VariableUnset => "variable-unset",
    WholeAndSingle => "whole-and-single",
    WrittenAnew => "written-anew",
    WrongUsername => "wrong-username",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
