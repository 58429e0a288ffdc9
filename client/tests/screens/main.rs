//! Every screen as it looks: in both themes and languages, narrow and wide, at one and at two pixels a point; and what
//! comes of using it.

mod craft;
mod fixture;
mod looks;
mod people;
mod regions;
mod scale;
mod speaking;
mod talk;
mod use_of;
mod voice;
mod writing;
