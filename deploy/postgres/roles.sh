#!/bin/sh
# A database and a role per service, with rights there alone; and Faust's role, which intake's migration lets write its views.
set -eu
for service in intake billing records matching notify; do
  psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" <<SQL
CREATE ROLE consilium_$service LOGIN PASSWORD '$SERVICE_PASSWORD';
CREATE DATABASE consilium_$service OWNER consilium_$service;
REVOKE ALL ON DATABASE consilium_$service FROM PUBLIC;
SQL
done
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" <<SQL
CREATE ROLE consilium_intake_views LOGIN PASSWORD '$SERVICE_PASSWORD';
GRANT CONNECT ON DATABASE consilium_intake TO consilium_intake_views;
SQL
