# A stand-in for apache/kafka where no registry of images can be reached: the same jars, set up by the same class as the published image
# does it, from the same places. Its context is the folder of the jars (`pelton fetch`): see docs/deploy.md.
ARG DEBIAN_IMAGE=debian:bookworm-slim
FROM ${DEBIAN_IMAGE}
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home appuser \
    && install -d -o appuser /opt/kafka/config /opt/kafka/logs /var/lib/kafka/data /mnt/shared/config /etc/kafka/docker
COPY . /opt/kafka/libs/
RUN printf 'log.dirs=/var/lib/kafka/data\n' > /etc/kafka/docker/server.properties \
    && printf '#!/bin/sh\nset -e\nrun() { java $KAFKA_HEAP_OPTS -cp "/opt/kafka/libs/*" "$@"; }\n\
cp /mnt/shared/config/server.properties /opt/kafka/config/server.properties\n\
run kafka.tools.StorageTool format --ignore-formatted --cluster-id="$CLUSTER_ID" -c /opt/kafka/config/server.properties\n\
exec java $KAFKA_HEAP_OPTS -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
-Dorg.slf4j.simpleLogger.log.kafka.server=info -cp "/opt/kafka/libs/*" kafka.Kafka /opt/kafka/config/server.properties\n' > /etc/kafka/docker/run \
    && chmod 755 /etc/kafka/docker/run
USER appuser
VOLUME ["/var/lib/kafka/data", "/mnt/shared/config"]
CMD ["/etc/kafka/docker/run"]
