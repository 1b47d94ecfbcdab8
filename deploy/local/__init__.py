"""Everything of Consilium on one machine: PostgreSQL, Kafka, the five services and what stands in for the outside world."""
