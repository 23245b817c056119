SELECT uuid, survived, passenger_class, name, sex, age, siblings_or_spouses_aboard, parents_or_children_aboard, fare
FROM passengers WHERE uuid = '@ID@';
