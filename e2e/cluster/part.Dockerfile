# One static binary of e2e/parts as an image. Dapr's parts exit when their group is 0 or unknown.
FROM scratch
COPY rootfs/ /
USER 65532:65532
# Pods name their command; only the pause container of each cannot.
CMD ["/pause"]
