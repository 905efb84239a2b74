-- What was seen where the tool's precondition looks, as JSON; NULL for steps that have none.
ALTER TABLE step ADD COLUMN precondition TEXT;
