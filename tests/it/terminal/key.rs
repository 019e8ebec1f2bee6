//! Keys, and what a terminal sends for them.

/// A key that is no letter.
#[derive(Clone, Copy, Debug)]
pub enum Key {
    Enter,
    Tab,
    Backspace,
    Escape,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    /// With its letter: `Key::Ctrl('c')`.
    Ctrl(char),
    /// With its letter, as most terminals send it.
    Alt(char),
}

impl Key {
    pub fn bytes(self) -> Vec<u8> {
        match self {
            Self::Enter => b"\r".to_vec(),
            Self::Tab => b"\t".to_vec(),
            Self::Backspace => b"\x7f".to_vec(),
            Self::Escape => b"\x1b".to_vec(),
            Self::Up => b"\x1b[A".to_vec(),
            Self::Down => b"\x1b[B".to_vec(),
            Self::Right => b"\x1b[C".to_vec(),
            Self::Left => b"\x1b[D".to_vec(),
            Self::Home => b"\x1b[H".to_vec(),
            Self::End => b"\x1b[F".to_vec(),
            Self::Ctrl(letter) => vec![u8::try_from(letter).expect("Ctrl goes with letters of ASCII") & 0x1f],
            Self::Alt(letter) => format!("\x1b{letter}").into_bytes(),
        }
    }
}
