-- What decides whether this server is fit to hold tickets.
SELECT current_setting('server_version_num')::integer AS version,
       current_setting('server_version') AS version_text,
       current_setting('fsync') = 'on' AS fsync,
       current_setting('full_page_writes') = 'on' AS full_page_writes,
       pg_is_in_recovery() AS in_recovery,
       current_database()::text AS database;
