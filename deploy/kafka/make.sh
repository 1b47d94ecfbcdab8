#!/bin/sh
# Written by `python -m deploy.kafka script`; change topics.yaml or acls.yaml and write it again.
set -eu
PATH="$PATH:/opt/kafka/bin"
kafka-topics.sh --bootstrap-server localhost:9093 --create --if-not-exists --topic intake.events --partitions 6 --replication-factor 1 --config=cleanup.policy=delete --config=retention.ms=-1
kafka-topics.sh --bootstrap-server localhost:9093 --create --if-not-exists --topic billing.events --partitions 6 --replication-factor 1 --config=cleanup.policy=delete --config=retention.ms=-1
kafka-topics.sh --bootstrap-server localhost:9093 --create --if-not-exists --topic records.events --partitions 6 --replication-factor 1 --config=cleanup.policy=delete --config=retention.ms=-1
kafka-topics.sh --bootstrap-server localhost:9093 --create --if-not-exists --topic matching.events --partitions 6 --replication-factor 1 --config=cleanup.policy=delete --config=retention.ms=-1
kafka-topics.sh --bootstrap-server localhost:9093 --create --if-not-exists --topic partner.records.v1 --partitions 6 --replication-factor 1 --config=cleanup.policy=delete --config=retention.ms=-1
kafka-acls.sh --bootstrap-server localhost:9093 --add --allow-principal User:intake --operation Write --operation Describe --topic intake.events
kafka-acls.sh --bootstrap-server localhost:9093 --add --allow-principal User:intake --operation Read --operation Describe --topic billing.events --topic matching.events
kafka-acls.sh --bootstrap-server localhost:9093 --add --allow-principal User:intake --operation Read --group consilium.intake
kafka-acls.sh --bootstrap-server localhost:9093 --add --allow-principal User:intake-streams --operation Read --operation Describe --topic intake.events --topic billing.events --topic records.events --topic matching.events
kafka-acls.sh --bootstrap-server localhost:9093 --add --allow-principal User:intake-streams --operation Read --group intake-funnel
kafka-acls.sh --bootstrap-server localhost:9093 --add --allow-principal User:billing --operation Write --operation Describe --topic billing.events
kafka-acls.sh --bootstrap-server localhost:9093 --add --allow-principal User:billing --operation Read --operation Describe --topic intake.events --topic matching.events
kafka-acls.sh --bootstrap-server localhost:9093 --add --allow-principal User:billing --operation Read --group consilium.billing
kafka-acls.sh --bootstrap-server localhost:9093 --add --allow-principal User:records --operation Write --operation Describe --topic records.events --topic partner.records.v1
kafka-acls.sh --bootstrap-server localhost:9093 --add --allow-principal User:records --operation Read --operation Describe --topic intake.events --topic billing.events --topic matching.events
kafka-acls.sh --bootstrap-server localhost:9093 --add --allow-principal User:records --operation Read --group consilium.records
kafka-acls.sh --bootstrap-server localhost:9093 --add --allow-principal User:matching --operation Write --operation Describe --topic matching.events
kafka-acls.sh --bootstrap-server localhost:9093 --add --allow-principal User:matching --operation Read --operation Describe --topic intake.events --topic records.events
kafka-acls.sh --bootstrap-server localhost:9093 --add --allow-principal User:matching --operation Read --group consilium.matching
kafka-acls.sh --bootstrap-server localhost:9093 --add --allow-principal User:notify --operation Read --operation Describe --topic intake.events --topic billing.events --topic records.events --topic matching.events
kafka-acls.sh --bootstrap-server localhost:9093 --add --allow-principal User:notify --operation Read --group consilium.notify
kafka-acls.sh --bootstrap-server localhost:9093 --add --allow-principal User:partner-demo --operation Read --operation Describe --topic partner.records.v1
kafka-acls.sh --bootstrap-server localhost:9093 --add --allow-principal User:partner-demo --operation Read --group partner-demo. --resource-pattern-type prefixed
kafka-acls.sh --bootstrap-server localhost:9093 --add --allow-principal User:observer --operation Read --operation Describe --topic intake.events --topic billing.events --topic records.events --topic matching.events --topic partner.records.v1
kafka-acls.sh --bootstrap-server localhost:9093 --add --allow-principal User:observer --operation Read --group observer --resource-pattern-type prefixed
