"""Operations on values while an expression runs: equality, arithmetic, conversions, texts."""
