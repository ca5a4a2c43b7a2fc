# Two images from one build:
#   docker build --target regcred .           the static binary and the public authorities of TLS
#   docker build --target regcred-kubectl .   with kubectl and a shell, for jobs of a pipeline; the default
# The digests are those of the whole image, for every architecture. Another registry, or a newer image:
# --build-arg RUST_IMAGE=…@sha256:…, SHELL_IMAGE=…@sha256:… and KUBECTL_IMAGE=…@sha256:…
ARG RUST_IMAGE=docker.io/library/rust:1.95-bookworm@sha256:6258907abe69656e41cd992e0b705cdcfabcbbe3db374f92ed2d47121282d4a1
# With git: `regcred` asks it before it writes a Secret in clear into a checkout.
ARG SHELL_IMAGE=docker.io/library/buildpack-deps:bookworm-scm@sha256:b42f74a50a22540b839042134919504ff7c51e7cf8d751b79d0f94c56566cb92
ARG KUBECTL_IMAGE=registry.k8s.io/kubectl:v1.37.1@sha256:b7cab618e281b1ee7484e7b706a96e2135fbb6e072c2a573a7dab4e87d7f2385

FROM ${RUST_IMAGE} AS build
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates musl-tools
WORKDIR /regcred
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock ./
COPY crates crates
COPY src src
COPY templates templates
# Not built, but Cargo.toml names them.
COPY tests tests
COPY benches benches
RUN set -e; target="$(uname -m)-unknown-linux-musl"; \
    rustup target add "$target"; \
    cargo build --profile dist --locked --bin regcred --target "$target"; \
    install -D "target/$target/dist/regcred" /out/regcred

FROM ${KUBECTL_IMAGE} AS kubectl

# A numeric user, as `runAsNonRoot` needs.
FROM scratch AS regcred
# Those that `verify --online` and the controller's check ask registries by
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/regcred /usr/local/bin/regcred
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/regcred"]

# A CI runner starts a shell, so there is no entry point.
FROM ${SHELL_IMAGE} AS regcred-kubectl
COPY --from=build /out/regcred /usr/local/bin/regcred
COPY --from=kubectl /bin/kubectl /usr/local/bin/kubectl
ENV HOME=/tmp
USER 65532:65532
CMD ["regcred", "--help"]
