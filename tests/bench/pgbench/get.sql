\set n random(1, :rows)
SELECT uuid, survived, passenger_class, name, sex, age, siblings_or_spouses_aboard, parents_or_children_aboard, fare
FROM passengers WHERE uuid = ('01890000-0000-7000-8000-' || lpad(:n::text, 12, '0'))::uuid;
