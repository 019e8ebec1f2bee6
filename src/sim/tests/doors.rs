//! Both doors give the same answers.
