"""Between the loop's values and Label Studio's formats: no server is needed here."""
