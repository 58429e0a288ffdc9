//! What comes of using the screens: each press and each key is the command that it should be.
