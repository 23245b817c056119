INSERT INTO passengers (uuid, survived, passenger_class, name, sex, age,
    siblings_or_spouses_aboard, parents_or_children_aboard, fare)
VALUES (gen_random_uuid(), true, 2, 'Post-Test-Name', 'male', 27.0, 0, 0, 13.0)
RETURNING uuid, survived, passenger_class, name, sex, age, siblings_or_spouses_aboard, parents_or_children_aboard, fare;
