// The page in Firefox.

import { FIREFOX, visitInFirefox } from "./help/firefox.js";
import { wholePath } from "./help/whole-path.js";

wholePath(!FIREFOX && "no Firefox: install it, or name it in FOVEA_FIREFOX", visitInFirefox);
