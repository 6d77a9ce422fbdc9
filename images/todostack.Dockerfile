# The data plane: gateway and services. The operator's Deployments name the command.
# `images/build` lays out rootfs/ from the compiled binaries and the C library they were linked to.
FROM scratch
COPY rootfs/ /
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
CMD ["/todostack-gateway"]
