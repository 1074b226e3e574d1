-- Each account has a retention of its own: what is too old is found by its position.
DROP INDEX log_age;
