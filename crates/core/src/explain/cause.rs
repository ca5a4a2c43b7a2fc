//! Lists the causes of a pull that fails: a word for programs, a sentence, and what to do.

macro_rules! causes {
    ($($cause:ident => $word:literal, $sentence:literal, $remedy:literal;)+) => {
        /// Why a pull fails.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each has its sentence in the table")]
        pub enum Cause { $($cause),+ }

        impl Cause {
            /// All causes, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$cause),+];

            /// One word for programs.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$cause => $word),+ }
            }

            /// What is wrong.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$cause => $sentence),+ }
            }

            /// What to do.
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$cause => $remedy),+ }
            }
        }
    };
}

causes! {
    InvalidImageName => "invalid-image-name",
        "the name of the image is invalid", "correct `image` in the Pod's template";
    NeverPull => "never-pull",
        "`imagePullPolicy` is `Never`, and the node has no image that this Pod may use", "set `imagePullPolicy: IfNotPresent`, or load the image into each node";
    SignatureInvalid => "signature-invalid",
        "the node refuses the signature of the image", "sign the image with a key that the node's policy takes";
    NotScheduled => "not-scheduled",
        "the Pod is on no node yet, so nothing was pulled", "see why with `kubectl describe pod`: resources, taints, or a volume";
    UnknownAuthority => "unknown-authority",
        "the node does not trust the registry's certificate", "give each node's container runtime the authority's certificate; containerd reads /etc/containerd/certs.d only if `config_path` in its configuration names that folder, and a change of `config_path` needs a restart of containerd";
    InvalidCertificate => "invalid-certificate",
        "the registry's certificate is for another host or out of date", "renew the certificate of the registry";
    PlainHttp => "plain-http",
        "the registry speaks plain HTTP, and the node expects TLS", "serve the registry with TLS, or configure the host as insecure on each node";
    Mirror => "mirror",
        "the node uses a mirror, and a container runtime sends no login of a pull secret to a mirror", "log the node itself in at the mirror, or name the mirror's host in the image";
    UnknownHost => "unknown-host",
        "the node finds no address for the registry", "check the host in the image, and the DNS of the node";
    Unreachable => "unreachable",
        "the node gets no connection to the registry", "check that the registry runs, and firewall, proxy and routes of the node";
    RateLimit => "rate-limit",
        "the registry refuses more pulls for now", "log in with an account that has a higher limit, or pull through a cache of your own";
    WrongPlatform => "wrong-platform",
        "the image is not built for the platform of the node", "build it for that platform, or choose nodes by `kubernetes.io/arch`";
    DiskFull => "disk-full",
        "the node has no space left for the image", "free space on the node, or give it a larger disk";
    SecretBroken => "secret-broken",
        "a pull secret holds no Docker config, and a kubelet then pulls nothing for the Pod", "write the Secret again";
    BadEntry => "bad-entry",
        "one bad entry breaks a whole pull secret for a kubelet", "correct or remove that entry";
    NotReported => "not-reported",
        "the node has not reported on this image yet, and a public image needs no login", "ask again when the node has tried: `kubectl describe pod` shows its progress";
    AccountMissing => "account-missing",
        "the ServiceAccount does not exist", "create it, or name another one in the Pod";
    NamespaceExcluded => "namespace-excluded",
        "the namespace has opted out by its annotation, so that it gets no pull secret", "remove the annotation from the namespace, apply again, then create the Pod again";
    AccountExcluded => "account-excluded",
        "the ServiceAccount has opted out by its annotation, so that it gets no reference", "remove the annotation from the ServiceAccount, apply again, then create the Pod again";
    LinkedLater => "linked-later",
        "the ServiceAccount got its reference after the Pod was created, and the references of a Pod never change", "delete the Pod, so that its controller creates a new one: `kubectl rollout restart`";
    PolicyExcludes => "policy-excludes",
        "the admission policy that adds references exists, but leaves this namespace out", "add the namespace to the policy's binding: run `regcred apply --link policy` with this namespace in its list";
    PolicyLater => "policy-later",
        "the Pod has no reference, though an admission policy adds them: the Pod is older, or no login of the policy matches its image", "create the Pod again; if that does not help, compare the policy with `regcred diff`";
    ReferenceDropped => "reference-dropped",
        "somebody else writes the ServiceAccount's list and has dropped our reference", "stop that writer from owning `imagePullSecrets`, then apply again, and create the Pod again";
    NoReference => "no-reference",
        "neither the Pod nor its ServiceAccount refers to a pull secret", "link the pull secret: `regcred apply` in this namespace, with --service-account unless it is `default`; if regcred.yaml excludes the namespace, change that first; then create the Pod again";
    OwnReferences => "own-references",
        "the Pod has other references than its ServiceAccount: the ServiceAccount had them when the Pod was created, or the Pod's template has its own list `imagePullSecrets`", "if the Pod's template has a list `imagePullSecrets`, remove that list or add the right name; then create the Pod again";
    SecretMissing => "secret-missing",
        "the Pod or its ServiceAccount names a pull secret that does not exist", "correct the name, or create it with `regcred apply`";
    WrongType => "wrong-type",
        "the Pod or its ServiceAccount names a Secret of a type that a kubelet ignores", "create it again with the type kubernetes.io/dockerconfigjson: `regcred apply --recreate`, with --on-conflict overwrite if it is not regcred's";
    IdentityToken => "identity-token",
        "a pull secret holds only an identity token, which a kubelet ignores", "use a user name and a password: a token of the registry or a service principal";
    SecretEmpty => "secret-empty",
        "a pull secret holds no login: the logins may be in a credential helper of the machine that wrote it", "write user name and password into it: `regcred verify` shows what is missing";
    KeyScheme => "key-scheme",
        "the key of a login begins with a scheme that no registry has", "write the host alone as the key";
    KeyDockerHub => "key-docker-hub",
        "the key of a login is a name of Docker Hub that matches no image", "write `https://index.docker.io/v1/` as the key, with its last slash";
    KeyPort => "key-port",
        "the key of a login has another port than the image", "write host and port as in the image: a kubelet compares ports as text";
    KeyPath => "key-path",
        "the path of a login's key is not the beginning of the image's path", "write the host alone as the key, or the path of this image";
    KeyGlob => "key-glob",
        "a `*` in the key of a login matches one part of a host, and the image's host has another number of parts", "write one `*` for each part, or the host itself";
    KeyWebSite => "key-web-site",
        "the key of a login is a web site, whose images are on another host", "write the registry's host as the key";
    KeyHost => "key-host",
        "the key of a login is nearly the host of the image", "write the host of the image as the key";
    NoKey => "no-key",
        "no login in the pull secrets is for the registry of the image", "add a login for that registry";
    Expired => "expired",
        "the password has expired", "fetch a new one, and apply it";
    WrongPassword => "wrong-password",
        "the registry does not take the user name and password", "check the user name, and create a new token; put it into its variable, and run `regcred apply`";
    BreaksPublic => "breaks-a-public-image",
        "everybody may pull the image, but not with this login", "renew the login or remove it: a bad login is worse than none";
    NoRight => "no-right",
        "the login is good, but has no right to pull from this repository", "give its account or token the right to read the repository";
    NoSuchTag => "no-such-tag",
        "the login may pull from the repository, which has no such tag or digest", "check the tag, and whether the image was pushed";
    NotFound => "not-found",
        "the registry has no such image, or hides it from this login", "check repository and tag; then the right to read the repository";
    RefusedThere => "refused",
        "the registry refuses the image, and does not say whether the login is wrong or has no right", "check the password first, then the right to read the repository";
    LaterFixed => "fixed-since",
        "the pull secret was written after the Pod, and its login is good: the node tries again within five minutes", "wait, or delete the Pod: a new one pulls at once";
    OnlyCached => "only-cached",
        "the container runs from an image that the node has kept, and a new node cannot pull it", "correct the reason before a node is replaced";
    Fine => "fine",
        "nothing is wrong", "";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_cause_has_a_word_of_its_own_and_a_remedy() {
        let words: BTreeSet<_> = Cause::ALL.iter().map(|cause| cause.word()).collect();
        assert_eq!(words.len(), Cause::ALL.len());
        let without: Vec<_> = Cause::ALL.iter().filter(|cause| cause.remedy().is_empty()).collect();
        assert_eq!(without, [&Cause::Fine]);
    }
}
