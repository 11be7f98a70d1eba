-- The first moment after _after that a cron expression names in a time zone. By its clock: a time that the change to
-- summer time leaves out fires as much later as the clock jumps; a time that comes twice fires once, and with an hour
-- of * every hour fires.
DROP FUNCTION IF EXISTS swarm.next_fire;
CREATE FUNCTION swarm.next_fire(_cron text, _time_zone text, _after timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
DECLARE
    _fields   text[] := regexp_split_to_array(trim(_cron), '\s+');
    _minutes  integer[];
    _hours    integer[];
    _days     integer[];
    _months   integer[];
    _weekdays integer[];
    _day      date;
    _found    timestamptz;
BEGIN
    IF cardinality(_fields) <> 5 THEN
        RAISE EXCEPTION 'a cron expression has five fields, minute hour day month weekday, and ''%'' has %', _cron,
            cardinality(_fields) USING ERRCODE = 'SW002';
    END IF;
    BEGIN
        _day := (_after AT TIME ZONE _time_zone)::date;
    EXCEPTION WHEN invalid_parameter_value THEN
        RAISE EXCEPTION 'there is no time zone ''%''', _time_zone USING ERRCODE = 'SW002';
    END;
    _minutes := swarm.cron_field(_fields[1], 'minute', 0, 59, '{}');
    _hours := swarm.cron_field(_fields[2], 'hour', 0, 23, '{}');
    _days := swarm.cron_field(_fields[3], 'day', 1, 31, '{}');
    _months := swarm.cron_field(_fields[4], 'month', 1, 12,
                                '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}');
    _weekdays := swarm.cron_field(_fields[5], 'weekday', 0, 7, '{sun,mon,tue,wed,thu,fri,sat}');

    -- Eight years: a 29th of February may be that far away.
    FOR _passed IN 1 .. 8 * 366 LOOP
        IF extract(month FROM _day)::integer = ANY (_months)
           -- As cron has always had it: when both are given, either will do.
           AND (CASE WHEN _fields[3] = '*' OR _fields[5] = '*'
                    THEN extract(day FROM _day)::integer = ANY (_days)
                         AND (extract(dow FROM _day)::integer = ANY (_weekdays)
                              OR extract(isodow FROM _day)::integer = ANY (_weekdays))
                    ELSE extract(day FROM _day)::integer = ANY (_days)
                         OR extract(dow FROM _day)::integer = ANY (_weekdays)
                         OR extract(isodow FROM _day)::integer = ANY (_weekdays) END) THEN
            IF _fields[2] = '*' THEN
                -- Hour by hour of real time, from midnight to midnight, however many hours lie between.
                SELECT min(h + make_interval(mins => m)) INTO _found
                FROM generate_series(_day::timestamp AT TIME ZONE _time_zone,
                                     (_day + 1)::timestamp AT TIME ZONE _time_zone - interval '1 second',
                                     interval '1 hour') AS h
                CROSS JOIN unnest(_minutes) AS m
                WHERE h + make_interval(mins => m) > _after;
            ELSE
                SELECT min((_day + make_time(h, m, 0)) AT TIME ZONE _time_zone) INTO _found
                FROM unnest(_hours) AS h CROSS JOIN unnest(_minutes) AS m
                WHERE (_day + make_time(h, m, 0)) AT TIME ZONE _time_zone > _after;
            END IF;
            IF _found IS NOT NULL THEN
                RETURN _found;
            END IF;
        END IF;
        _day := _day + 1;
    END LOOP;
    RAISE EXCEPTION 'the cron expression ''%'' never comes true', _cron USING ERRCODE = 'SW002';
END $$;

-- The numbers that one field of a cron expression stands for.
DROP FUNCTION IF EXISTS swarm.cron_field;
CREATE FUNCTION swarm.cron_field(_text text, _name text, _min integer, _max integer, _words text[]) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    _result integer[] := '{}';
    _part   text;
    _match  text[];
    _from   integer;
    _to     integer;
    _step   integer;
BEGIN
    FOREACH _part IN ARRAY string_to_array(lower(_text), ',') LOOP
        FOR _word IN 1 .. cardinality(_words) LOOP
            _part := replace(_part, _words[_word], (_word - 1 + least(_min, 1))::text);
        END LOOP;
        _match := regexp_match(_part, '^(?:(\*)|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,2}))?$');
        _from := CASE WHEN _match[1] IS NOT NULL THEN _min ELSE _match[2]::integer END;
        _to := CASE WHEN _match[1] IS NOT NULL OR (_match[3] IS NULL AND _match[4] IS NOT NULL) THEN _max
                    ELSE coalesce(_match[3], _match[2])::integer END;
        IF _name = 'weekday' AND _to = 0 AND _from > 0 THEN
            _to := 7; -- fri-sun: a Sunday ends the week as well as it begins it
        END IF;
        _step := coalesce(_match[4]::integer, 1);
        IF _match IS NULL OR _from < _min OR _to > _max OR _from > _to OR _step = 0 THEN
            RAISE EXCEPTION 'the % of a cron expression can''t be ''%''; write numbers from % to %, as in 1,5-9 or */2',
                _name, _text, _min, _max USING ERRCODE = 'SW002';
        END IF;
        _result := _result || ARRAY(SELECT generate_series(_from, _to, _step));
    END LOOP;
    RETURN _result;
END $$;
