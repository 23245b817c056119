-- Passengers. Each rule is checked by the worker too, for a good message; here it holds whoever writes.
CREATE TABLE passengers (
    uuid uuid PRIMARY KEY, -- made by the worker from the request, ordered by time (UUIDv7)
    survived boolean,
    passenger_class smallint NOT NULL
        CONSTRAINT passengers_passenger_class_check CHECK (passenger_class BETWEEN 1 AND 3),
    name text NOT NULL
        CONSTRAINT passengers_name_check CHECK (char_length(name) BETWEEN 1 AND 150),
    sex text
        CONSTRAINT passengers_sex_check CHECK (sex IN ('male', 'female')),
    age double precision
        CONSTRAINT passengers_age_check CHECK (age BETWEEN 0 AND 150),
    siblings_or_spouses_aboard smallint NOT NULL
        CONSTRAINT passengers_siblings_or_spouses_aboard_check CHECK (siblings_or_spouses_aboard BETWEEN 0 AND 100),
    parents_or_children_aboard smallint NOT NULL
        CONSTRAINT passengers_parents_or_children_aboard_check CHECK (parents_or_children_aboard BETWEEN 0 AND 100),
    fare double precision
        CONSTRAINT passengers_fare_check CHECK (fare >= 0 AND fare < 'infinity'), -- NaN sorts above infinity
    version bigint NOT NULL DEFAULT 1,
    written_by uuid -- the request that wrote the row last, so that its second try knows itself
);
