# presenced in a container: one static binary and the certificate authorities it trusts. No shell, nobody's user.
#
#   docker build -t presenced .
#   docker run --rm -t --tmpfs /tmp presenced demo
#
# Only what every builder reads is used here: Compose v1 builds without BuildKit.

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags='-s -w' -o /out/presenced ./cmd/presenced \
 && mkdir /out/empty

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/presenced /
# A new volume takes its owner from the folder that it covers.
COPY --from=build --chown=65532:65532 /out/empty /etc/presenced
COPY --from=build --chown=65532:65532 /out/empty /data
USER 65532:65532
WORKDIR /data
EXPOSE 8480
# Alive, not ready: whoever restarts unhealthy containers must not do it because Graph is away.
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s CMD ["/presenced", "healthz"]
ENTRYPOINT ["/presenced"]
