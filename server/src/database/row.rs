//! Rows on their way out of a statement: one column at a time, by number, as the kind that is asked for.

use super::DatabaseError;
use postgres::types::{FromSql, Type};
use rusqlite::types::ValueRef;
use std::error::Error;

/// One row of a result; columns count from 0.
#[derive(Debug)]
pub struct Row<'a>(Engine<'a>);

#[derive(Debug)]
enum Engine<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a postgres::Row),
}

impl<'a> Row<'a> {
    pub(super) fn of_sqlite(row: &'a rusqlite::Row<'a>) -> Self {
        Self(Engine::Sqlite(row))
    }

    pub(super) fn of_postgres(row: &'a postgres::Row) -> Self {
        Self(Engine::Postgres(row))
    }

    /// The column of that number.
    ///
    /// # Errors
    /// [`DatabaseError::Sql`] if there is none, or if it holds something else.
    pub fn get<T: FromColumn>(&self, index: usize) -> Result<T, DatabaseError> {
        let column = self.column(index)?;
        T::from_column(&column)
            .ok_or_else(|| DatabaseError::Sql(format!("column {index} holds {column:?}, not {}", T::EXPECTED)))
    }

    fn column(&self, index: usize) -> Result<Column<'_>, DatabaseError> {
        match self.0 {
            Engine::Sqlite(row) => Ok(match row.get_ref(index)? {
                ValueRef::Null => Column::Null,
                ValueRef::Integer(number) => Column::Integer(number),
                ValueRef::Real(number) => Column::Real(number),
                ValueRef::Text(text) => Column::Text(
                    std::str::from_utf8(text)
                        .map_err(|error| DatabaseError::Sql(format!("column {index} is not UTF-8: {error}")))?,
                ),
                ValueRef::Blob(bytes) => Column::Blob(bytes),
            }),
            Engine::Postgres(row) => row.try_get(index).map_err(|error| DatabaseError::Sql(error.to_string())),
        }
    }
}

/// A column as a database gives it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Column<'a> {
    /// Nothing.
    Null,
    /// A whole number, or truth.
    Integer(i64),
    /// A number.
    Real(f64),
    /// Text.
    Text(&'a str),
    /// Bytes.
    Blob(&'a [u8]),
}

impl<'a> FromSql<'a> for Column<'a> {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(match *kind {
            Type::INT8 => Self::Integer(i64::from_sql(kind, raw)?),
            Type::INT4 => Self::Integer(i32::from_sql(kind, raw)?.into()),
            Type::INT2 => Self::Integer(i16::from_sql(kind, raw)?.into()),
            Type::BOOL => Self::Integer(bool::from_sql(kind, raw)?.into()),
            Type::FLOAT8 => Self::Real(f64::from_sql(kind, raw)?),
            Type::FLOAT4 => Self::Real(f32::from_sql(kind, raw)?.into()),
            Type::BYTEA => Self::Blob(<&[u8]>::from_sql(kind, raw)?),
            _ => Self::Text(<&str>::from_sql(kind, raw)?),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(kind: &Type) -> bool {
        let numbers = [Type::INT8, Type::INT4, Type::INT2, Type::BOOL, Type::FLOAT8, Type::FLOAT4, Type::BYTEA];
        numbers.contains(kind) || <&str as FromSql>::accepts(kind)
    }
}

/// What a column can be read as.
pub trait FromColumn: Sized {
    /// The kind, for messages.
    const EXPECTED: &'static str;

    /// The column, if it is of this kind.
    fn from_column(column: &Column<'_>) -> Option<Self>;
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl FromColumn for $number {
            const EXPECTED: &'static str = stringify!($number);

            fn from_column(column: &Column<'_>) -> Option<Self> {
                match *column {
                    Column::Integer(number) => Self::try_from(number).ok(),
                    _ => None,
                }
            }
        }
    )*};
}
numbers!(i64, i32, u64, u32, u16, u8);

impl FromColumn for bool {
    const EXPECTED: &'static str = "0 or 1";

    fn from_column(column: &Column<'_>) -> Option<Self> {
        match *column {
            Column::Integer(number) => Some(number != 0),
            _ => None,
        }
    }
}

impl FromColumn for f64 {
    const EXPECTED: &'static str = "a real number";

    fn from_column(column: &Column<'_>) -> Option<Self> {
        match *column {
            Column::Real(number) => Some(number),
            _ => None,
        }
    }
}

impl FromColumn for String {
    const EXPECTED: &'static str = "a text";

    fn from_column(column: &Column<'_>) -> Option<Self> {
        match *column {
            Column::Text(text) => Some(text.to_owned()),
            _ => None,
        }
    }
}

impl FromColumn for Vec<u8> {
    const EXPECTED: &'static str = "bytes";

    fn from_column(column: &Column<'_>) -> Option<Self> {
        match *column {
            Column::Blob(bytes) => Some(bytes.to_vec()),
            _ => None,
        }
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn from_column(column: &Column<'_>) -> Option<Self> {
        match column {
            Column::Null => Some(None),
            column => T::from_column(column).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_read_as_what_it_holds_and_as_nothing_else() {
        assert_eq!(u64::from_column(&Column::Integer(7)), Some(7));
        assert_eq!(u64::from_column(&Column::Integer(-7)), None);
        assert_eq!(u8::from_column(&Column::Integer(256)), None);
        assert_eq!(bool::from_column(&Column::Integer(1)), Some(true));
        assert_eq!(String::from_column(&Column::Null), None);
        assert_eq!(Option::<String>::from_column(&Column::Null), Some(None));
        assert_eq!(Option::<String>::from_column(&Column::Text("x")), Some(Some("x".to_owned())));
        assert_eq!(Option::<String>::from_column(&Column::Blob(b"x")), None);
    }
}
